"""Bringing a database to the current schema: making and dropping it, and running the two histories of migrations."""

from __future__ import annotations

from sequent_sa.configuration import normalise_url
from sequent_sa.database.creation import create_database, database_exists, drop_database
from sequent_sa.database.event_store_history import (
    adopt_event_store,
    check_event_store,
    create_event_store,
    event_store_revision,
    upgrade_event_store,
)
from sequent_sa.database.schema_change import configured, create_view_schema, migrating
from sequent_sa.database.view_history import (
    NoViewHistory,
    ViewHistory,
    stamp_views,
    upgrade_views,
    version_schema,
    view_revision,
)
from sequent_sa.tables.schema import EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE

__all__ = [
    "EVENT_STORE_VERSION_TABLE",
    "VIEW_VERSION_TABLE",
    "NoViewHistory",
    "ViewHistory",
    "adopt_event_store",
    "check_event_store",
    "configured",
    "create_database",
    "create_event_store",
    "create_view_schema",
    "database_exists",
    "drop_database",
    "event_store_revision",
    "migrating",
    "normalise_url",
    "stamp_views",
    "upgrade_event_store",
    "upgrade_views",
    "version_schema",
    "view_revision",
]
