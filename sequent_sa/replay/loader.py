"""Filling the twins: a group of whole aggregates at once, or what was committed since, in the order of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

from sequent_sa.dialects import ShadowTables, dialect_of
from sequent_sa.event_store.load import Load, behind, count_events
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.projector import Projector
from sequent_sa.replay import groups, progress
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loading import load_directly, load_in_memory, store_rows
from sequent_sa.replay.progress import Window

T = TypeVar("T")

Advanced = Callable[[int], object]
"""Gets how many more events were projected."""

_EVENTS_A_TRANSACTION = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a group, when it was only rehearsed: the rows for each table, or what went wrong."""

    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    error: Mapping[str, str] | None = None


class Behind(NamedTuple):
    """How many events a replay lacks, and when the first of them was made."""

    events: int
    since: datetime | None


@dataclass(frozen=True)
class Loader:
    """One replay's way from the events into the twins. Every transaction that writes makes sure that it still may."""

    engine: Engine
    reader: Load
    type_names: TypeNames
    twins: ShadowTables
    projectors: Sequence[type[Projector]]
    replay_id: int

    def load(self, group: Group, mark: str, advanced: Advanced = lambda _number: None) -> Outcome:
        """Load what was committed until a mark. All rows of a group, or none, are there after a crash.

        Raises `PublishEventError` when a projector fails, and `ReplayError` when the replay was ended.
        """
        if group.number == groups.STORE:
            self._load_store(group, mark, advanced)
            return Outcome()
        persistor = InMemoryPersistor()
        number = self.project(group, mark, persistor, advanced)
        with self.twins.loading() as loading:
            progress.hold(loading, self.replay_id)
            if progress.finish(loading, self.replay_id, group, number):
                store_rows(persistor, loading)
        return Outcome()

    def project(self, group: Group, mark: str, persistor: InMemoryPersistor, advanced: Advanced) -> int:
        """Make the rows of whole aggregates in memory; returns the number of events."""
        projectors = self.by("aggregate")
        with self.engine.begin() as reading:
            portions = self.reader.whole_aggregates(reading, self.event_names(projectors), mark, group.conditions())
            with closing(portions) as found:
                return load_in_memory(projectors, found, persistor, advanced)

    def behind(self) -> Behind:
        """What was committed and is not loaded yet."""
        with self.twins.looking() as loading:
            mark = progress.reached(loading, self.replay_id)
        with self.engine.begin() as reading:
            conditions = dialect_of(self.engine).committed_between(mark, None)
            names = self.event_names(self.projectors)
            return Behind(*reading.execute(count_events(names, conditions)).one())

    def catch_up(self, advanced: Advanced = lambda _number: None) -> int:
        """Project what was committed since, in the order of commands; returns the number of events."""
        number = 0
        with self.twins.loading() as loading:
            window = progress.window(loading, self.replay_id)
        while True:
            with self.engine.begin() as reading:
                is_last = window.until is None
                until = window.until or dialect_of(self.engine).position_mark(reading)
                number += self._follow(self.projectors, reading, window, until, advanced)
            with self.twins.loading() as loading:
                progress.hold(loading, self.replay_id)
                window = progress.reach(loading, self.replay_id, until)
            if is_last:
                return number

    def catch_up_within(self, reading: Connection, loading: Connection) -> int:
        """Like `catch_up`, in a transaction of somebody else's, with everybody who stores events kept out."""
        progress.hold(loading, self.replay_id)
        window = progress.window(loading, self.replay_id)
        now = dialect_of(self.engine).position_mark(reading)
        names = self.event_names(self.projectors)
        number = 0
        while True:
            until = window.until or now  # a window that an interrupted catch-up left is finished first
            where = [] if window.last is None else [behind(window.last)]
            events = self.reader.events(reading, names, after=window.after, until=until, where=where)
            with closing(events) as found:
                number += load_directly(self.projectors, (event for _, event in found), loading)
            is_last = window.until is None
            window = progress.reach(loading, self.replay_id, until)
            if is_last:
                return number

    def by(self, kind: str) -> Sequence[type[Projector]]:
        """The projectors that are replayed by aggregate, or by store."""
        return [projector for projector in self.projectors if projector.replay_by == kind]

    def event_names(self, projectors: Sequence[type[Projector]]) -> list[str]:
        """The stored types that projectors handle."""
        types = [event_type for projector in projectors for event_type in projector.handled_events()]
        return sorted(self.type_names.names_of(types))

    def _load_store(self, group: Group, mark: str, advanced: Advanced) -> None:
        with self.twins.loading() as loading:
            last = progress.window(loading, self.replay_id).last
        with self.engine.begin() as reading:
            number = self._follow(self.by("store"), reading, Window(None, mark, last), mark, advanced)
        with self.twins.loading() as loading:
            progress.hold(loading, self.replay_id)
            progress.reach(loading, self.replay_id, mark)
            progress.finish(loading, self.replay_id, group, number)

    def _follow(
        self,
        projectors: Sequence[type[Projector]],
        reading: Connection,
        window: Window,
        until: str,
        advanced: Advanced,
    ) -> int:
        """Project a window, some thousand events in a transaction that also writes down how far it came."""
        number = 0
        last = window.last
        where = [] if last is None else [behind(last)]
        events = self.reader.events(reading, self.event_names(projectors), after=window.after, until=until, where=where)
        with closing(events) as found:
            for portion in _portions(found, _EVENTS_A_TRANSACTION):
                with self.twins.loading() as loading:
                    progress.hold(loading, self.replay_id)
                    last = progress.advance(loading, self.replay_id, until, last, portion[-1][0])
                    number += load_directly(projectors, [event for _, event in portion], loading)
                advanced(len(portion))
        return number


def _portions(found: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(found)
    while portion := list(islice(rest, size)):
        yield portion
