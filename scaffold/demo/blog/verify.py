"""Checks that every post has a record with the right number of words: `python -m blog.verify`."""

import sys

from sequent_sa.tables import event_records
from sqlalchemy import func, select

from blog.app import app
from blog.records import PostRecord


def verify() -> bool:
    """Print what was counted; whether nothing is missing."""
    with app.session() as session:
        added = session.scalar(
            select(func.count()).select_from(event_records).where(event_records.c.event_type == "PostAdded")
        )
        word_count = PostRecord.__table__.c["word_count"]
        records = session.execute(select(PostRecord.title, PostRecord.content, word_count)).all()
    nulls = sum(record.word_count is None for record in records)
    wrong = sum(record.word_count != len((record.content or "").split()) for record in records)
    for record in sorted(records, key=lambda each: each.word_count or 0, reverse=True)[:3]:
        print(f"  {record.word_count:>6} words: {record.title}")
    print(f"{added} posts were added, {len(records)} have a record.")
    print(f"Word counts: {nulls} empty, {wrong} wrong.")
    return added == len(records) > 0 and nulls == 0 and wrong == 0


if __name__ == "__main__":
    sys.exit(0 if verify() else 1)
