"""Shows the first events of the store and some records: `python -m blog.show`."""

from sequent_sa.tables import event_records
from sqlalchemy import func, select

from blog.app import app
from blog.records import PostRecord


def shortened(value: object) -> str:
    """The value as one line of at most 60 characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def show() -> None:
    """Print the events of the first post, and the first records."""
    with app.session() as session:
        first = session.scalars(select(PostRecord).order_by(PostRecord.aggregate_id).limit(3)).all()
        count = session.scalar(select(func.count()).select_from(event_records))
        print(f"{count} events; those of the first post:")
        events = (
            select(event_records.c.sequence_number, event_records.c.event_type, event_records.c.event_json)
            .where(event_records.c.aggregate_id == first[0].aggregate_id)
            .order_by(event_records.c.sequence_number)
        )
        for number, event_type, data in session.execute(events):
            print(f"  {number} {event_type:<20} {shortened(data)}")
        print(f"{session.scalar(select(func.count()).select_from(PostRecord))} records; the first ones:")
        for record in first:
            print(f"  {record.aggregate_id} {shortened(record.title)}")


if __name__ == "__main__":
    show()
