"""Posts, as they are shown."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from weblog.records.view_record import ViewRecord


class PostRecord(ViewRecord):
    """One post. A form that edits it says which `version` it shows."""

    __tablename__ = "post_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author_id: Mapped[UUID] = mapped_column(index=True)
    added_at: Mapped[datetime]
    version: Mapped[int]
    title: Mapped[str] = mapped_column(default="")
    content: Mapped[str] = mapped_column(default="")
