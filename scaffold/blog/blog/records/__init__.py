"""What is read: SQLAlchemy classes on the view tables. Alembic compares those that are imported here."""

from blog.records.post_record import PostRecord
from blog.records.view_record import ViewRecord

__all__ = ["PostRecord", "ViewRecord"]
