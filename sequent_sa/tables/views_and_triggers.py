"""What `metadata.create_all` makes besides tables: partitions, views, functions, triggers, the one row of store_state.

The same is done, in frozen form, by the migrations.
"""

from __future__ import annotations

from sqlalchemy import DDL, event

from sequent_sa.tables import postgresql_ddl, sqlite_ddl
from sequent_sa.tables.event_tables import aggregates, commands, events
from sequent_sa.tables.schema import SCHEMA, metadata


def _attach(target: object, moment: str, statement: str, dialect: str) -> None:
    # DDL() formats its text with %.
    ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]  # SQLAlchemy annotates no result
    event.listen(target, moment, ddl.execute_if(dialect=dialect))


def attach() -> None:
    """Make the metadata create and drop all of this together with its tables."""
    _attach(metadata, "before_create", f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}", "postgresql")
    for table in (commands, aggregates, events):
        _attach(
            table,
            "after_create",
            f"CREATE TABLE {table.fullname}_default PARTITION OF {table.fullname} DEFAULT",
            "postgresql",
        )
    for statement in postgresql_ddl.CREATE:
        _attach(metadata, "after_create", statement, "postgresql")
    for statement in sqlite_ddl.CREATE:
        _attach(metadata, "after_create", statement, "sqlite")
    for statement in postgresql_ddl.DROP:
        _attach(metadata, "before_drop", statement, "postgresql")
    for statement in sqlite_ddl.DROP:
        _attach(metadata, "before_drop", statement, "sqlite")
