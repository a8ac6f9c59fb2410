"""What is shown."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from blog.records.view_record import ViewRecord


class PostRecord(ViewRecord):
    """One for each aggregate."""

    __tablename__ = "post_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
