"""Posts, as they are shown."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from blog.records.view_record import ViewRecord


class PostRecord(ViewRecord):
    """One post."""

    __tablename__ = "post_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str | None] = mapped_column(default=None)
    title: Mapped[str | None] = mapped_column(default=None)
    content: Mapped[str | None] = mapped_column(default=None)
