"""Authors, as they are shown."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from weblog.records.view_record import ViewRecord


class AuthorRecord(ViewRecord):
    """One author."""

    __tablename__ = "author_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    joined_at: Mapped[datetime]
    name: Mapped[str] = mapped_column(default="")
