"""Random histories for a projector: however its rows come about, they must be the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from sqlalchemy import Connection, select

from sequent_sa import _clock
from sequent_sa.exceptions import ConfigurationError, PublishEventError, ReplayError, SequentError
from sequent_sa.messages.event import Event
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector import Projector
from sequent_sa.replay.loading import LoadingTransaction, load_directly, load_in_memory, store_rows
from sequent_sa.testing.strategies import messages

Rows = Mapping[str, Sequence[tuple[Any, ...]]]

_CHECKS = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
_A_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Attack:
    """A projector, and what random histories for it look like.

    `begins_with` are the classes of the events that begin an aggregate and never come later (None: any), `events`
    strategies for events by class, `ignoring` the names of columns whose values no projector decides.
    """

    projector: type[Projector]
    begins_with: Sequence[type[Event]] | None = None
    events: Mapping[type[Event], SearchStrategy[Any]] | None = None
    ignoring: Sequence[str] = ()

    def histories(self) -> SearchStrategy[list[Event]]:
        """Events of up to three aggregates, numbered, and mixed as they may have happened."""
        handled = self.projector.handled_events()
        first = tuple(self.begins_with) if self.begins_with is not None else handled
        if not handled or not first:
            raise ConfigurationError(f"{self.projector.__name__} handles no events: there is nothing to attack it with")
        strangers = [each.__name__ for each in first if each not in handled]
        if strangers:
            raise ConfigurationError(f"{self.projector.__name__} does not handle {', '.join(strangers)}")
        later = [each for each in handled if self.begins_with is None or each not in first]
        rest = st.lists(self._one_of(later), max_size=5) if later else st.just([])
        stream = st.tuples(self._one_of(first), rest).map(lambda parts: [parts[0], *parts[1]])
        return st.tuples(st.lists(stream, min_size=1, max_size=3), st.randoms(use_true_random=False)).map(_mixed)

    def run(self, connection: Connection, examples: int) -> None:
        """Try `examples` histories. Raises `AssertionError` with the smallest one that gives different rows."""

        rows: list[Rows | SequentError] = []

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),  # to find out which values do not matter takes the longest
            suppress_health_check=_CHECKS,
        )
        @given(self.histories())
        def try_history(history: list[Event]) -> None:
            __tracebackhide__ = True
            rows.append(self._try(connection, history))

        with _clock.stopped(_A_MOMENT):
            try_history()
        if all(isinstance(each, SequentError) for each in rows):
            raise AssertionError(
                f"{self.projector.__name__} refused every history: {rows[-1]}; say which events begin an aggregate "
                "with `begins_with`, or what events look like with `events`"
            )

    def _one_of(self, event_types: Sequence[type[Event]]) -> SearchStrategy[Event]:
        own = self.events or {}
        header: Any = {"aggregate_id": st.just(UUID(int=0)), "sequence_number": st.just(1)}
        return st.one_of(*(own[each] if each in own else messages(each, **header) for each in event_types))

    def _try(self, connection: Connection, history: Sequence[Event]) -> Rows | SequentError:
        __tracebackhide__ = True
        ways: dict[str, Callable[[], object]] = {
            f"live, {size} events at a time": partial(self._live, connection, history, size)
            for size in range(1, len(history) + 1)
        }
        ways["live, every event failing once"] = partial(self._failing, connection, history)
        if self.projector.replay_by == "aggregate":
            groups = _by_aggregate(history)
            at_once = [each for group in groups for each in group]
            ways["replayed at once"] = partial(self._replayed, connection, [at_once])
            ways["replayed by aggregate"] = partial(self._replayed, connection, groups)
            ways["replayed up to the middle, then live"] = partial(self._caught_up, connection, history)
        (first, expected), *others = [
            (name, self._rows(connection, way, _A_MOMENT + timedelta(days=day)))
            for day, (name, way) in enumerate(ways.items(), start=1)
        ]
        for name, actual in others:
            if _seen(actual) != _seen(expected):
                shown = "\n".join(f"  {event!r}" for event in history)
                raise AssertionError(
                    f"{self.projector.__name__} gives other rows {name} than {first}:\n"
                    f"  {first}: {expected}\n  {name}: {actual}\nfor these events:\n{shown}"
                )
        return expected

    def _rows(self, connection: Connection, way: Callable[[], object], moment: datetime) -> Rows | SequentError:
        # A history that the projector refuses must be refused in every way; which event comes first may differ.
        savepoint = connection.begin_nested()
        try:
            with _clock.stopped(moment):
                way()
            return {table.table.name: self._read(connection, table) for table in self._tables()}
        except (PublishEventError, ReplayError) as error:
            return error
        finally:
            savepoint.rollback()

    def _tables(self) -> list[Any]:
        return [record_table(record) for record in self.projector.managed_tables or ()]

    def _read(self, connection: Connection, table: Any) -> list[tuple[Any, ...]]:
        columns = [column for name, column in table.columns.items() if name not in self.ignoring]
        return sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)

    def _live(self, connection: Connection, found: Sequence[Event], size: int) -> None:
        for start in range(0, len(found), size):
            load_directly([self.projector], found[start : start + size], connection)

    def _replayed(self, connection: Connection, groups: Sequence[Sequence[Event]]) -> None:
        for group in groups:
            persistor = InMemoryPersistor()
            load_in_memory([self.projector], [group], persistor)
            store_rows(persistor, connection)

    def _caught_up(self, connection: Connection, found: Sequence[Event]) -> None:
        half = len(found) // 2
        self._replayed(connection, _by_aggregate(found[:half]))
        load_directly([self.projector], found[half:], connection)

    def _failing(self, connection: Connection, history: Sequence[Event]) -> None:
        transaction = LoadingTransaction(connection)
        # One projector for all attempts: what it keeps in itself is not undone by a rollback.
        projector = self.projector(LivePersistor(lambda: transaction, lambda: None))
        for event in history:
            with connection.begin_nested() as savepoint:
                self._handle(projector, event, transaction)
                savepoint.rollback()
            self._handle(projector, event, transaction)

    @staticmethod
    def _handle(projector: Projector, event: Event, transaction: LoadingTransaction) -> None:
        try:
            projector.handle_message(event)
            transaction.flush()
        except Exception as error:
            raise PublishEventError(type(projector), event, error) from error


def _seen(result: Rows | SequentError) -> object:
    return SequentError if isinstance(result, SequentError) else result


def _mixed(parts: tuple[list[list[Event]], Any]) -> list[Event]:
    streams, random = parts
    waiting = [(UUID(int=random.getrandbits(128), version=4), iter(enumerate(stream, start=1))) for stream in streams]
    history: list[Event] = []
    while waiting:
        aggregate_id, stream = chosen = random.choice(waiting)
        number, event = next(stream, (0, None))
        if event is None:
            waiting.remove(chosen)
        else:
            header = {"aggregate_id": aggregate_id, "sequence_number": number}
            history.append(event.evolve(**header, created_at=_A_MOMENT + timedelta(seconds=len(history))))
    return history


def _by_aggregate(found: Sequence[Event]) -> list[list[Event]]:
    """In the order in which a replay reads them."""
    groups: dict[UUID, list[Event]] = {}
    for event in found:
        groups.setdefault(event.aggregate_id, []).append(event)
    return [group for _, group in sorted(groups.items())]
