"""What is read: SQLAlchemy classes on the view tables. Alembic compares those that are imported here."""

from weblog.records.author_record import AuthorRecord
from weblog.records.post_record import PostRecord
from weblog.records.view_record import ViewRecord

__all__ = ["AuthorRecord", "PostRecord", "ViewRecord"]
