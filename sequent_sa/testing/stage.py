"""Where the events of one test are kept: in memory, or in a database that is as it was before when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from sequent_sa import tables
from sequent_sa.aggregates.snapshot import snapshot_versions
from sequent_sa.application import Sequent
from sequent_sa.dialects import FailureKind
from sequent_sa.event_store.event_store import EventStore, SQLEventStore
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.projections.view_record import VIEW_SCHEMA
from sequent_sa.testing.in_memory_event_store import InMemoryEventStore
from sequent_sa.unit_of_work.transactions import SQLTransaction
from sequent_sa.unit_of_work.unit_of_work import CommittableTransaction


@dataclass(frozen=True)
class Stage:
    """An event store, and what begins a transaction on it.

    `history` stores what a test begins with: events of before, for which no record hook is called.
    """

    event_store: EventStore
    history: EventStore
    begin: Callable[[], CommittableTransaction]

    @classmethod
    def in_memory(cls, app: Sequent) -> Stage:
        """Without a database."""
        versions = snapshot_versions(app.type_names.aggregates)
        retired = app.type_names.retired_events
        store = InMemoryEventStore(versions, app.record_hooks, retired_events=retired)
        return cls(store, InMemoryEventStore(versions, retired_events=retired), store.begin)

    @classmethod
    def on(cls, app: Sequent, connection: Connection) -> Stage:
        """In the transaction of a connection, which is rolled back when the test ends."""
        # A store remembers what it has stored, which is undone here.
        store = SQLEventStore(app.dialect, app.type_names, app.record_hooks)
        history = SQLEventStore(app.dialect, app.type_names)
        return cls(store, history, lambda: SQLTransaction(lambda: app.dialect.savepoint(connection), app.dialect))


def create_view_tables(app: Sequent) -> None:
    """Make the view tables anew, as the records describe them now."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        app.dialect.create_schemas(connection, [VIEW_SCHEMA])
        for metadata in app.view_metadata:
            metadata.drop_all(connection)
            metadata.create_all(connection)


def create_event_store(app: Sequent) -> None:
    """Make the event store unless there is one.

    Raises `ConfigurationError` when it holds events: then the database is not one for tests.
    """
    if not _has_event_store(app):
        with app.dialect.writing(app.engine) as connection, connection.begin():
            app.dialect.create_schemas(connection, [str(tables.metadata.schema)])
            tables.metadata.create_all(connection)
            app.record_hooks.add_columns(connection)


@contextmanager
def undone(app: Sequent) -> Generator[Connection, None, None]:
    """A connection whose transaction is rolled back at the end."""
    with app.dialect.writing(app.engine) as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


def _has_event_store(app: Sequent) -> bool:
    try:
        with app.engine.connect() as connection:
            found = connection.execute(select(tables.events.c.aggregate_id).limit(1)).all()
    except DBAPIError as error:
        if app.dialect.failure(error).kind is not FailureKind.TABLE_MISSING:
            raise
        return False
    if found:
        raise ConfigurationError(
            f"{app.engine.url!r} holds events, so that it is no database for tests, which would remove its view "
            "tables: give --sequent-database the URL of an empty one"
        )
    return True
