"""The history of an application's view tables."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, MetaData

from sequent_sa.alembic.comparison import IncludeName, comparing, only, render_item, without_warnings
from sequent_sa.alembic.schema_translation import translated_schemas
from sequent_sa.application import Sequent
from sequent_sa.database import (
    EVENT_STORE_VERSION_TABLE,
    VIEW_VERSION_TABLE,
    create_view_schema,
    migrating,
    upgrade_event_store,
    version_schema,
)
from sequent_sa.database.differences import differences_of
from sequent_sa.tables import SCHEMA, VIEW_SCHEMA, command_records, event_records, metadata, stream_records


def run_migrations(engine: Engine, *, target_metadata: MetaData, other_tables: Collection[str] = ()) -> None:
    """Do what Alembic's command line asked for, on the view tables of one application; to be called in its `env.py`.

    `engine` is the application's, `target_metadata` that of its view records. The event store is brought up first.
    `other_tables` are the names of tables that are no records, and not Alembic's own: on SQLite, where all lie in one
    file, autogenerate would remove them otherwise.
    A connection in `config.attributes["connection"]` is used as it is, in its own transaction, and its
    `schema_translate_map` says where the view tables are.
    """
    given = context.config.attributes.get("connection")
    if context.is_offline_mode():
        _write_sql(engine, target_metadata)
    elif given is not None:
        _run(given, target_metadata, other_tables)
    else:
        upgrade_event_store(engine)
        create_view_schema(engine)
        if _compares(engine):
            with comparing(engine) as connection:
                _run(connection, target_metadata, other_tables)
        else:
            with migrating(engine) as connection:
                _run(connection, target_metadata, other_tables)


def without_tables_of(app: Sequent) -> IncludeName:
    """For `include_name=` of another history in the same database, so that it leaves the tables of `app` alone.

    It goes into `context.configure(...)` in that history's own `env.py`. On PostgreSQL ours are in schemas of their
    own; on SQLite, where all lie in one file, autogenerate would remove the event store and the records otherwise.
    """
    records = {table.name for each in app.view_metadata for table in each.tables.values()}
    hidden = {*_event_store(), *records, EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE, "sqlite_sequence"}
    together = differences_of(app.engine.dialect.name).schema(SCHEMA) is None

    def include_name(name: str | None, type_: str, _: MutableMapping[Any, str | None]) -> bool:
        if type_ == "schema":
            return name not in {SCHEMA, VIEW_SCHEMA}
        return not (together and type_ == "table" and name in hidden)

    return include_name


def _event_store() -> set[str]:
    return {table.name for table in (*metadata.tables.values(), command_records, event_records, stream_records)}


def _compares(engine: Engine) -> bool:
    # Only autogenerate and check have a revision context; Alembic tells env.py in no other way.
    context.configure(dialect_name=engine.dialect.name)
    return context.get_context().opts.get("revision_context") is not None


def _run(connection: Connection, target_metadata: MetaData, other_tables: Collection[str]) -> None:
    hidden = {*_event_store(), *other_tables, EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE, "alembic_version"}
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        version_table=VIEW_VERSION_TABLE,
        version_table_schema=version_schema(connection),
        include_schemas=True,
        include_name=only(connection, VIEW_SCHEMA, hidden),
        compare_type=True,
        # On every database, so that a revision written on one runs on the other.
        render_as_batch=True,
        render_item=render_item,
    )
    with without_warnings(), translated_schemas(connection), context.begin_transaction():
        context.run_migrations()


def _write_sql(engine: Engine, target_metadata: MetaData) -> None:
    if not differences_of(engine.dialect.name).writes_sql:
        raise CommandError("SQL can be written for PostgreSQL only: leave out --sql")
    context.configure(
        dialect_name=engine.dialect.name,
        target_metadata=target_metadata,
        version_table=VIEW_VERSION_TABLE,
        version_table_schema=VIEW_SCHEMA,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {VIEW_SCHEMA}")
        context.run_migrations()
