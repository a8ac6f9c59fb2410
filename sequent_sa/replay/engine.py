"""Rebuilding projections beside the running application, step by step; every step can be taken up again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import Dialect, ShadowTables
from sequent_sa.event_store.load import Load
from sequent_sa.exceptions import ReplayError
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import ProjectorStates
from sequent_sa.replay import groups, progress, replay_state, worker
from sequent_sa.replay.groups import Group
from sequent_sa.replay.replay_state import ReplayRow, State

Projectors = Sequence[type[Projector]]
Report = Callable[[str], None]

GROUP_SIZE = 50_000


class ViewMigrations(Protocol):
    """The application's history of view tables."""

    @property
    def version_table(self) -> str:
        """Where the history keeps its revision."""
        ...

    def upgrade(self, connection: Connection) -> None:
        """Run the pending revisions in the transaction of `connection`, where the view schema may mean the twins."""
        ...


@dataclass(frozen=True)
class ReplayContext:
    """What a replay needs of its application."""

    engine: Engine
    dialect: Dialect
    reader: Load
    type_names: TypeNames
    projectors: Projectors
    migrations: ViewMigrations
    lock_timeout: float = 10.0
    group_size: int = GROUP_SIZE


class Replay:
    """One replay. Every step checks, under a lock, that its state allows it, and raises `ReplayError` if not."""

    def __init__(self, context: ReplayContext, row: ReplayRow, report: Report = lambda line: None) -> None:
        self._context = context
        self._id = row.id
        self._report = report
        self._states = ProjectorStates(context.dialect, context.lock_timeout)
        self._row = row

    @classmethod
    def create(cls, context: ReplayContext, projectors: Projectors, report: Report = lambda line: None) -> Replay:
        """Begin a replay of some projectors. Raises `ReplayError` for none, or when a replay is in progress."""
        if not projectors:
            raise ReplayError("a replay needs at least one projector")
        with context.dialect.writing(context.engine) as connection, connection.begin():
            row = replay_state.create(connection, {p.__type_name__: p.version for p in projectors})
        return cls(context, row, report)

    @classmethod
    def resume(cls, context: ReplayContext, report: Report = lambda line: None) -> Replay | None:
        """The replay in progress, begun by any process; None when there is none."""
        with context.engine.begin() as connection:
            row = replay_state.in_progress(connection)
        return None if row is None else cls(context, row, report)

    @cached_property
    def projectors(self) -> Projectors:
        """What is replayed. Raises `ReplayError` when this code has other versions of them."""
        return _projectors_of(self._context, self._row)

    @property
    def state(self) -> State:
        """Where this replay stands now."""
        with self._context.engine.begin() as connection:
            row = replay_state.latest(connection)
        assert row is not None
        return row.state

    def prepare(self) -> None:
        """Make the twins, run the pending view migrations on them, and register the projectors as replaying."""
        with self._step("prepare"):
            self._twins.prepare(self._table_names())
            self._migrate_twins()
            with self._changing("prepare") as connection:
                self._states.register_replaying(connection, self.projectors)
                replay_state.set_state(connection, self._id, State.PREPARED)
        self._report(f"prepared {', '.join(self._table_names()) or 'no tables'}")

    def run(self) -> None:
        """Load all events that are committed now, group by group. A failed or killed run goes on where it stopped."""
        _ = self.projectors
        with self._changing("run") as connection:
            replay_state.set_state(connection, self._id, State.REPLAYING, error=None)
        with self._failing():
            with self._twins.loading() as connection:
                if progress.reached(connection, self._id) is None:
                    self._plan(connection)
                mark = progress.reached(connection, self._id)
                todo = progress.unfinished(connection, self._id)
            for group in todo:
                self._load(group, mark)
            with self._changing("run") as connection:
                replay_state.set_state(connection, self._id, State.REPLAYED)

    def catch_up(self) -> None:
        """Project what was committed since, in the order of commands. Can be repeated."""
        _ = self.projectors
        with self._changing("catch up") as connection:
            row = replay_state.lock_for(connection, self._id, "catch up")
            replay_state.set_state(connection, self._id, State.CATCHING_UP)
        before = State.OPTIMIZED if row.state is State.OPTIMIZED else State.REPLAYED
        with self._twins.loading() as loading, self._context.engine.begin() as reading:
            number = self._catch_up(reading, loading)
        with self._changing("catch up") as connection:
            replay_state.set_state(connection, self._id, before)
        self._report(f"caught up with {number} events")

    def optimize(self) -> None:
        """Bring back indexes and foreign keys, and refresh the statistics."""
        with self._step("optimize"):
            self._twins.optimize()
            with self._changing("optimize") as connection:
                replay_state.set_state(connection, self._id, State.OPTIMIZED)

    def go_live(self) -> None:
        """Catch up for the last time, swap, and activate the versions: in one transaction, or not at all."""
        twins = self._twins
        with twins.going_live(self._context.lock_timeout) as live:
            replay_state.lock_for(live, self._id, "go live")
            with twins.loading_while_going_live(live) as loading:
                number = self._catch_up(live, loading)
            twins.swap(live, self._context.migrations.upgrade)
            self._states.register_active(live, self.projectors)
            replay_state.set_state(live, self._id, State.LIVE)
        twins.discard()
        self._report(f"caught up with {number} events; {self._names()} live")

    def abort(self) -> None:
        """End the replay and remove the twins. The live tables stay as they are."""
        with self._changing("abort") as connection:
            row = replay_state.lock_for(connection, self._id, "abort")
            self._states.abort_replaying(connection, list(row.projector_versions))
            replay_state.set_state(connection, self._id, State.ABORTED)
        self._twins.discard()

    @property
    def _twins(self) -> ShadowTables:
        context = self._context
        return context.dialect.shadow_tables(context.engine, context.migrations.version_table)

    def _migrate_twins(self) -> None:
        try:
            with self._twins.migrating() as connection:
                self._context.migrations.upgrade(connection)
        except DBAPIError as error:
            raise ReplayError(
                f"the pending view migrations fail on the copies of {', '.join(self._table_names())}: {error.orig}. "
                "Together with a replay they can change only tables that are replayed; raise the version of the "
                "projector that manages the table, or take the other migration live on its own first"
            ) from error

    def _plan(self, connection: Connection) -> None:
        context = self._context
        planned = [Group(groups.STORE)] if self._by("store") else []
        with context.engine.begin() as reading:
            mark = context.dialect.position_mark(reading)
            if self._by("aggregate"):
                names = self._event_names(self._by("aggregate"))
                planned += groups.cut(groups.count_events(context.dialect, reading, names), context.group_size)
        with context.engine.begin() as reading:
            row = replay_state.in_progress(reading)
        assert row is not None
        progress.plan(connection, row, mark, planned)

    def _load(self, group: Group, mark: str | None) -> None:
        whole_store = group.number == groups.STORE
        projectors = self._by("store" if whole_store else "aggregate")
        with self._context.engine.begin() as reading, self._twins.loading() as loading:
            progress.hold(loading, self._id)
            events = self._context.reader.events(
                reading,
                self._event_names(projectors),
                until=mark,
                where=group.conditions(),
                by_aggregate=not whole_store,
            )
            with closing(events) as found:
                if whole_store:
                    number = worker.load_directly(projectors, found, loading)
                else:
                    persistor, number = worker.load_in_memory(projectors, found)
                    worker.store_rows(persistor, loading)
            progress.finish(loading, self._id, group, number)
        self._report(f"replayed {number} events")

    def _catch_up(self, reading: Connection, loading: Connection) -> int:
        progress.hold(loading, self._id)
        after = progress.reached_alone(loading, self._id)
        until = self._context.dialect.position_mark(reading)
        names = self._event_names(self.projectors)
        with closing(self._context.reader.events(reading, names, after=after, until=until)) as found:
            number = worker.load_directly(self.projectors, found, loading)
        progress.reach(loading, self._id, until)
        return number

    def _by(self, kind: str) -> Projectors:
        return [projector for projector in self.projectors if projector.replay_by == kind]

    def _event_names(self, projectors: Projectors) -> list[str]:
        types = [event_type for projector in projectors for event_type in projector.handled_events()]
        return sorted(self._context.type_names.names_of(types))

    def _table_names(self) -> list[str]:
        return sorted({record_table(record).table.name for p in self.projectors for record in p.managed_tables or ()})

    def _names(self) -> str:
        return ", ".join(f"{p.__type_name__} version {p.version}" for p in self.projectors)

    @contextmanager
    def _changing(self, step: str) -> Generator[Connection, None, None]:
        with self._context.dialect.writing(self._context.engine) as connection, connection.begin():
            replay_state.lock_for(connection, self._id, step)
            yield connection

    @contextmanager
    def _step(self, step: str) -> Generator[None, None, None]:
        with self._changing(step):
            """Only look, so that a step out of order changes nothing."""
        yield

    @contextmanager
    def _failing(self) -> Generator[None, None, None]:
        try:
            yield
        except BaseException as error:
            with self._context.dialect.writing(self._context.engine) as connection, connection.begin():
                replay_state.set_failed(connection, self._id, error)
            raise


def _projectors_of(context: ReplayContext, row: ReplayRow) -> Projectors:
    known = {projector.__type_name__: projector for projector in context.projectors}
    found: list[type[Projector]] = []
    for name, version in row.projector_versions.items():
        projector = known.get(name)
        if projector is None or projector.version != version:
            has = "does not have it" if projector is None else f"has version {projector.version}"
            raise ReplayError(
                f"the replay in progress is of {name} version {version}, but this code {has}: go on with the code that "
                "began it, or end it with that code's `sequent projectors replay abort`"
            )
        found.append(projector)
    return found
