"""Every event store does the same: on SQLite, on PostgreSQL, and in memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine

from sequent_sa import Sequent, tables
from sequent_sa.aggregates.snapshot import snapshot_versions
from sequent_sa.event_store.event_store import SQLEventStore
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.testing.contracts import StoreUnderTest, check_event_store
from sequent_sa.testing.in_memory_event_store import InMemoryEventStore
from tests.databases import Database


@pytest.fixture
def empty_app(database: Database) -> Iterator[Sequent]:
    """An application with tables, and nothing else."""
    app = Sequent(database.url, environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


def empty(engine: Engine) -> None:
    """Remove every row of the event store but the one that the schema brings."""
    with engine.connect() as connection, connection.begin():
        for table in reversed(tables.metadata.sorted_tables):
            if table is not tables.store_state:
                connection.execute(table.delete())


def test_the_store_on_a_database_keeps_the_contract(empty_app: Sequent) -> None:
    """Whatever is done to it, it answers as the model does."""

    @contextmanager
    def open_store(names: TypeNames) -> Generator[StoreUnderTest, None, None]:
        yield StoreUnderTest(SQLEventStore(empty_app.dialect, names), empty_app._engines.writing)
        empty(empty_app.engine)

    check_event_store(open_store, examples=70)


def test_the_store_in_memory_keeps_the_contract() -> None:
    """So that what a test of an application shows is so in production too."""

    @contextmanager
    def open_store(names: TypeNames) -> Generator[StoreUnderTest, None, None]:
        store = InMemoryEventStore(snapshot_versions(names.aggregates), retired_events=names.retired_events)
        yield StoreUnderTest(store, store.begin)

    check_event_store(open_store, examples=100)
