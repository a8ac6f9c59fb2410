"""The event store's own history of migrations, run from a program."""

from __future__ import annotations

from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from sequent_sa import _resources
from sequent_sa.database.differences import differences_of
from sequent_sa.database.schema_change import configured, migrating
from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import DatabaseNotReady
from sequent_sa.tables import SCHEMA, events
from sequent_sa.tables.schema import EVENT_STORE_VERSION_TABLE


def upgrade_event_store(engine: Engine) -> None:
    """Bring the event store's tables to the form that this version of the package needs; harmless when they have it.

    Raises `DatabaseNotReady` when the tables are those of a newer version.
    """
    current, head = event_store_revision(engine)
    if current == head:
        return
    _refuse_unknown(current)
    with migrating(engine) as connection:
        dialect_of(engine).create_schemas(connection, [SCHEMA])
        script = _event_store_script()

        def steps(revision: str, _context: MigrationContext) -> list[Any]:
            return script._upgrade_revs("head", revision)  # pyright: ignore[reportPrivateUsage] (as Alembic's manual does)

        # Not Alembic's command: it cannot run inside another env.py, from where applications call this.
        context = _event_store_context(connection, fn=steps, script=script)
        with Operations.context(context):
            context.run_migrations()


create_event_store = upgrade_event_store


def adopt_event_store(engine: Engine) -> None:
    """Bring an event store up that another application made; what is in it stays.

    Raises `DatabaseNotReady` when there is none, or one that is older than Sequent 9.
    """
    with configured(engine).connect() as connection:
        schema = differences_of(connection.dialect.name).schema(SCHEMA)
        if not inspect(connection).has_table(events.name, schema=schema):
            raise DatabaseNotReady(
                f"there is no event store to take over in {SCHEMA} of {engine.url.database}: look at the URL of the "
                "database, and at `event_store_schema_name` in the other application"
            )
    upgrade_event_store(engine)


def event_store_revision(engine: Engine) -> tuple[str | None, str]:
    """The revision of the event store in the database (None: there is none), and the one that this package needs."""
    with configured(engine).connect() as connection:
        return _event_store_context(connection).get_current_revision(), _head(_event_store_script())


def check_event_store(engine: Engine) -> None:
    """Raise `DatabaseNotReady`, saying what to type, unless the event store is there and of this version."""
    current, head = event_store_revision(engine)
    if current is None:
        raise DatabaseNotReady("the database has no event store: create it with `sequent db create-event-store`")
    if current != head:
        _refuse_unknown(current)
        raise DatabaseNotReady(
            f"the event store is at revision {current}, this version of sequent-sa needs {head}: "
            "bring it up with `sequent db create-event-store`"
        )


def _refuse_unknown(revision: str | None) -> None:
    known = {script.revision for script in _event_store_script().walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNotReady(
            f"the event store is at revision {revision}, which this version of sequent-sa does not know: "
            "install a newer sequent-sa"
        )


def _event_store_script() -> ScriptDirectory:
    return ScriptDirectory(str(_resources.directory("alembic")))


def _event_store_context(connection: Connection, **options: Any) -> MigrationContext:
    schema = differences_of(connection.dialect.name).schema(SCHEMA)
    return MigrationContext.configure(
        connection,
        opts={"version_table": EVENT_STORE_VERSION_TABLE, "version_table_schema": schema, **options},
    )


def _head(script: ScriptDirectory) -> str:
    head = script.get_current_head()
    assert head is not None  # the package ships with at least one revision
    return head
