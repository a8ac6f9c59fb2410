"""Events for whatever reads them later: other systems, mails, statistics; all of them, or those of one aggregate."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.dialects import Dialect
from sequent_sa.event_store.cursors import Cursors
from sequent_sa.event_store.load import Load, aggregate_ids, stream_exists
from sequent_sa.event_store.positions import EventBatch, EventPosition, Positions
from sequent_sa.exceptions import AggregateNotFound
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames

_IDS_A_PAGE = 1_000


class Consumed(NamedTuple):
    """The next events for a consumer, and a session whose work is committed together with the position."""

    events: list[Event]
    session: Session


class EventLog:
    """Reads on from a position. No event is missed, however long its transaction was open, and none comes twice."""

    def __init__(self, engine: Engine, dialect: Dialect, reader: Load, type_names: TypeNames) -> None:
        self._engine = engine
        self._dialect = dialect
        self._type_names = type_names
        self._reader = reader
        self._positions = Positions(dialect, reader)
        self._cursors = Cursors(dialect, self._positions)

    def load_event(self, aggregate_id: UUID, sequence_number: int) -> Event | None:
        """One event; None when there is none, or when its type is retired."""
        with self._engine.connect() as connection:
            return self._reader.event(connection, aggregate_id, sequence_number)

    def stream_events(self, aggregate_id: UUID, *, until: datetime | None = None) -> Generator[Event, None, None]:
        """The events of one aggregate, in order; those before `until`, which is not included.

        However many there are, a bounded number is in memory. They are those of one moment; a connection is in use
        until the last one was taken, or the generator is closed.
        Raises `AggregateNotFound` for an aggregate that has no events, and `ValueError` for a moment without timezone.
        """
        if until is not None and until.tzinfo is None:
            raise ValueError(
                f"until={until!r} has no timezone: give an aware datetime, such as datetime(..., tzinfo=UTC)"
            )
        with self._engine.connect() as connection:
            if not stream_exists(connection, aggregate_id):
                raise AggregateNotFound([aggregate_id])
            with closing(self._reader.stream(connection, aggregate_id, until)) as found:
                yield from found

    def aggregate_ids(self, *aggregate_types: type[AggregateRoot]) -> Generator[UUID, None, None]:
        """The ids of all aggregates, or of those of some classes, in order. Between two pages no connection is used."""
        names = self._type_names.names_of(aggregate_types) if aggregate_types else None
        page: Sequence[UUID] = ()
        while True:
            with self._engine.connect() as connection:
                page = connection.scalars(aggregate_ids(names, page[-1] if page else None, _IDS_A_PAGE)).all()
            if not page:
                return
            yield from page

    def position_mark(self) -> EventPosition:
        """The position behind all that is committed now, for who needs nothing of what was before.

        Raises what `read_all` raises.
        """
        with self._engine.connect() as connection:
            return self._positions.mark(connection)

    def read_all(
        self, after: EventPosition | None = None, *, types: Sequence[type[Event]] = (), limit: int = 1_000
    ) -> EventBatch:
        """At most `limit` events of all types or some that were committed after a position (None: from the first).

        An empty batch says that there are no more now; its position is where to read on. Raises `EventStoreError`
        when the database was restored into another cluster and nobody said so, `ConfigurationError` on a standby
        server, and `ValueError` for a limit below 1.
        """
        with self._engine.connect() as connection:
            return self._positions.read(connection, after, self._names_of(types), limit)

    @contextmanager
    def cursor(
        self, name: str, *, types: Sequence[type[Event]] = (), limit: int = 100
    ) -> Generator[Consumed, None, None]:
        """The next events for the consumer called `name`, and a session for its work.

        The work and the position are committed together when the block ends, and rolled back together when it fails.
        Two consumers of one name take turns. Do not execute commands inside: that is a transaction of its own.
        """
        with (
            self._dialect.writing(self._engine) as connection,
            connection.begin(),
            self._cursors.batch(connection, name, self._names_of(types), limit) as batch,
            Session(connection, join_transaction_mode="create_savepoint") as session,
        ):
            yield Consumed(batch.events, session)
            session.commit()

    def after_restore(self) -> None:
        """Say that this database was restored from a dump, or copied, so that positions go on to be right."""
        with self._dialect.writing(self._engine) as connection, connection.begin():
            self._positions.after_restore(connection)

    def _names_of(self, types: Sequence[type[Event]]) -> tuple[str, ...] | None:
        return self._type_names.names_of(types) if types else None
