"""Handing events to projectors: a portion of the store into memory and then the twins, or event by event."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import ClauseElement, ColumnClause, Connection, CursorResult, Executable, Table, TableClause, TextClause
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql import visitors

from sequent_sa.dialects import BoundStatement, dialect_of
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import EventStoreError, PublishEventError, ReplayError
from sequent_sa.messages.event import Event
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.view_record import VIEW_SCHEMA
from sequent_sa.replay.exhaustion import exhausted

_WRITES_A_FLUSH = 1_000
_OBJECTS_BETWEEN_COLLECTIONS = 10_000
_LIVE = re.compile(rf"\b{VIEW_SCHEMA}\b", re.IGNORECASE)


class LoadingTransaction:
    """Sends writes on a connection whose transaction is somebody else's to end."""

    def __init__(self, connection: Connection) -> None:
        self._engine = connection.engine
        self._driver = dialect_of(connection.engine).part_of(connection)
        self._pending: list[Write] = []
        self.unsent: dict[object, Any] = {}

    def write(self, write: Write, *, first: bool = False) -> None:
        # Before, not after: until somebody asks for rows, this write may still be changed (see UnsentRows).
        if len(self._pending) >= _WRITES_A_FLUSH:
            self.flush()
        self._pending.insert(0 if first else len(self._pending), write)

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Raises `ReplayError`: a projector has nothing to do at the commit of a replay."""
        raise ReplayError("a replay has no hooks for its commit")

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        self.flush()
        yield self._driver.begin()

    def fetch(self, statement: BoundStatement, *, pending: bool = False) -> Sequence[Sequence[Any]]:
        with self._explained():
            return self._driver.fetch(statement, self._take() if pending else ())

    def flush(self) -> None:
        with self._explained():
            self._driver.send(self._take(), commit=False)

    def _take(self) -> list[BoundStatement]:
        writes, self._pending = self._pending, []
        self.unsent.clear()
        return [write.bound() for write in writes]

    @contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except DBAPIError as error:
            refused = ReplayError(f"a row could not be written: {error.orig}")
            raise exhausted(self._engine, error) or refused from error


def load_in_memory(
    projectors: Sequence[type[Projector]],
    portions: Iterable[Sequence[Event]],
    persistor: InMemoryPersistor,
    advanced: Callable[[int], object] = lambda _number: None,
) -> int:
    """Make rows for the events of whole aggregates, still in memory. Returns the number of events."""
    projection = Projection([projector(persistor) for projector in projectors])
    number = 0
    with _collecting_seldom():
        for portion in portions:
            projection.project(portion)
            number += len(portion)
            advanced(len(portion))
    return number


@contextmanager
def _collecting_seldom() -> Generator[None, None, None]:
    # The rows that pile up are no garbage, and Python would look through them again and again.
    before = gc.get_threshold()
    if before[0]:
        gc.set_threshold(max(before[0], _OBJECTS_BETWEEN_COLLECTIONS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def store_rows(persistor: InMemoryPersistor, connection: Connection) -> None:
    """Bulk-load rows. Raises `ReplayError` for rows that the database refuses, two groups' row with one key too."""
    try:
        persistor.load(connection)
    except IntegrityError as error:
        raise ReplayError(
            f"the rows of a group of aggregates could not be loaded: {error.orig}. If aggregates share a row, "
            'declare the projector with replay_by="store"'
        ) from error
    except DBAPIError as error:
        refused = ReplayError(f"the rows of a group of aggregates could not be loaded: {error.orig}")
        raise exhausted(connection.engine, error) or refused from error


def load_directly(projectors: Sequence[type[Projector]], found: Iterable[Event], connection: Connection) -> int:
    """Project events, in the order of commands, into tables that hold rows already. Returns their number."""
    transaction = LoadingTransaction(connection)
    persistor = _LoadingPersistor(lambda: transaction, lambda: None)
    number = Projection([projector(persistor) for projector in projectors]).project(found)
    transaction.flush()
    return number


class _LoadingPersistor(LivePersistor):
    """Writes into the twins, which the text of a statement must not go round."""

    def execute_sql(self, statement: Executable, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        if any(_names_live_tables(part) for part in visitors.iterate(cast("ClauseElement", statement))):
            raise ReplayError(
                f"execute_sql names {VIEW_SCHEMA}, where the live tables are, which a replay must not touch: write the "
                "table without its schema, and let the search_path of the application's connections name it"
            )
        return super().execute_sql(statement, parameters)


def _names_live_tables(part: visitors.ExternallyTraversible) -> bool:
    # The tables of records are translated to the twins; nobody translates what was written down as text.
    match part:
        case TextClause():
            return _LIVE.search(part.text) is not None
        case ColumnClause():
            return part.is_literal and _LIVE.search(part.name) is not None
        case TableClause():
            return not isinstance(part, Table) and part.schema == VIEW_SCHEMA
        case _:
            return False


class Projection:
    """Gives events to projectors; which of their methods want the events of a class is found once."""

    def __init__(self, projectors: Sequence[Projector]) -> None:
        self._projectors = projectors
        self._calls: dict[type[Event], Sequence[tuple[Projector, Callable[[Event], object]]]] = {}

    def project(self, found: Iterable[Event]) -> int:
        """Project events; returns how many there were. Raises `PublishEventError`."""
        number = 0
        known = self._calls
        for event in found:
            number += 1
            calls = known.get(type(event))
            if calls is None:
                calls = known[type(event)] = self._calls_for(type(event))
            for projector, call in calls:
                try:
                    call(event)
                except EventStoreError:
                    raise  # what was written before is sent at some moment, whichever handler is at work
                except Exception as error:
                    raise PublishEventError(type(projector), event, error) from error
        return number

    def _calls_for(self, event_type: type[Event]) -> Sequence[tuple[Projector, Callable[[Event], object]]]:
        return [(projector, call) for projector in self._projectors for call in projector.handlers_of(event_type)]
