"""The event store's own history, for Alembic's command line; `sequent_sa.database` runs it from a program."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

from alembic import context, op
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, exists, select
from sqlalchemy.pool import NullPool

from sequent_sa.alembic.comparison import ACTIVE_REPLAY, comparing, only, render_item, without_warnings
from sequent_sa.configuration import normalise_url
from sequent_sa.database import EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE, migrating
from sequent_sa.database.differences import differences_of
from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ConfigurationError, EventStoreError
from sequent_sa.tables import SCHEMA, command_records, event_records, events, metadata, stream_records


class EventsWouldBeDestroyed(EventStoreError, CommandError):
    """A downgrade would drop the event store while events are in it."""


def run_migrations() -> None:
    """Do what Alembic's command line asked for, on the database of `-x url=...` or of DATABASE_URL."""
    if context.is_offline_mode():
        _write_sql()
        return
    engine = create_engine(_url(), poolclass=NullPool)
    try:
        if _compares(engine.dialect.name):
            with comparing(engine) as connection:
                _run(connection)
        else:
            with migrating(engine) as connection:
                dialect_of(engine).create_schemas(connection, [SCHEMA])
                _run(connection)
    finally:
        engine.dispose()


def refuse_to_destroy_events() -> None:
    """Raise `EventsWouldBeDestroyed` while an event is stored, unless `-x destroy-events=yes` was given."""
    if context.get_x_argument(as_dictionary=True).get("destroy-events") == "yes":
        return
    what_to_do = "if you want to lose the events for good, give `-x destroy-events=yes`"
    if context.is_offline_mode():
        raise EventsWouldBeDestroyed(f"this would drop the event store, whatever is in it: {what_to_do}")
    if op.get_bind().scalar(select(exists(select(events.c.aggregate_id)))):
        raise EventsWouldBeDestroyed(f"this would drop the event store, and there are events in it: {what_to_do}")


def _url() -> str:
    given = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get("DATABASE_URL")
    if not given:
        raise CommandError("which database? give `-x url=...`, before the command's name, or set DATABASE_URL")
    try:
        return normalise_url(given)
    except ConfigurationError as error:
        raise CommandError(str(error)) from error


def _compares(dialect: str) -> bool:
    # Only autogenerate and check have a revision context; Alembic tells env.py in no other way.
    context.configure(dialect_name=dialect)
    return context.get_context().opts.get("revision_context") is not None


def _run(connection: Connection) -> None:
    views = {table.name for table in (command_records, event_records, stream_records)}
    schema = differences_of(connection.dialect.name).schema(SCHEMA)
    visible = only(connection, SCHEMA, {*views, EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE})
    ours = {table.name for table in metadata.tables.values()}

    def include_name(name: str | None, type_: str, parents: MutableMapping[Any, str | None]) -> bool:
        # Where there are no schemas, the application's tables are in the same place.
        return visible(name, type_, parents) and (schema is not None or type_ != "table" or name in ours)

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=EVENT_STORE_VERSION_TABLE,
        version_table_schema=schema,
        include_schemas=True,
        include_name=include_name,
        # SQLAlchemy does not read the expression in this index back; the tests compare it.
        include_object=lambda item, name, type_, reflected, compare_to: name != ACTIVE_REPLAY,
        compare_type=True,
        render_item=render_item,
    )
    with without_warnings(), context.begin_transaction():
        context.run_migrations()


def _write_sql() -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        version_table=EVENT_STORE_VERSION_TABLE,
        version_table_schema=SCHEMA,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        context.run_migrations()
