"""The schema that holds the framework's tables, and the columns that recur in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, MetaData

from sequent_sa.tables.column_types import UtcDateTime, current_moment

SCHEMA = "sequent_schema"
"""Where the tables are on PostgreSQL. SQLite has no schemas: translate it to None there."""

VIEW_SCHEMA = "view_schema"
"""Where the tables of the application's projectors are; translated to None on SQLite."""

EVENT_STORE_VERSION_TABLE = "event_store_version"
"""Where the event store's history of migrations keeps its revision: in `sequent_schema` on PostgreSQL."""

VIEW_VERSION_TABLE = "view_version"
"""Where the history of the view tables keeps its revision, beside them: not where an application's own history does."""

metadata = MetaData(schema=SCHEMA)
"""Every table of the framework; `create_all` makes what the migrations make."""


def moment(name: str) -> Column[datetime]:
    """A column for when something happened, by default now."""
    return Column(name, UtcDateTime(), nullable=False, server_default=current_moment())
