"""Rebuilding projections beside the running application, step by step; every step can be taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Connection, Table, exists, select
from sqlalchemy.exc import DBAPIError

from sequent_sa._asynchronous import pause
from sequent_sa.dialects import FailureKind, ShadowTables
from sequent_sa.exceptions import LockTimeout, ReplayError
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector_states import ProjectorStates
from sequent_sa.replay import portions, progress, replay_state
from sequent_sa.replay.context import Projectors, ReplayContext, Report
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loader import Loader
from sequent_sa.replay.meter import Meter, Progress, Watch
from sequent_sa.replay.progress import GroupCounts
from sequent_sa.replay.replay_state import ReplayRow, State
from sequent_sa.replay.steps import Steps

T = TypeVar("T")

_SECONDS_BETWEEN_SWAPS = 0.5


def _nobody(_: object) -> None:
    """Nobody wants to know."""


class Replay:
    """One replay. Every step checks, under a lock, that its state allows it, and raises `ReplayError` if not.

    One process at a time takes a step, but any may abort the replay. What goes wrong is stored with the replay.
    """

    def __init__(
        self, context: ReplayContext, row: ReplayRow, report: Report = _nobody, watch: Watch = _nobody
    ) -> None:
        self._context = context
        self._id = row.id
        self._report = report
        self._watch = watch
        self._states = ProjectorStates(context.dialect, context.lock_timeout)
        self._row = row
        self._steps = Steps(context, row)

    @classmethod
    def create(
        cls, context: ReplayContext, projectors: Projectors, report: Report = _nobody, watch: Watch = _nobody
    ) -> Replay:
        """Begin a replay of some projectors.

        Raises `ReplayError` for none, for one that the application does not have, or when a replay is in progress.
        """
        if not projectors:
            raise ReplayError("a replay needs at least one projector")
        foreign = [repr(projector) for projector in projectors if projector not in context.projectors]
        if foreign:
            raise ReplayError(f"{', '.join(foreign)} cannot be replayed: it is no projector of this application")
        with context.dialect.writing(context.engine) as connection, connection.begin():
            row = replay_state.create(connection, {p.__type_name__: p.version for p in projectors})
        return cls(context, row, report, watch)

    @classmethod
    def resume(cls, context: ReplayContext, report: Report = _nobody, watch: Watch = _nobody) -> Replay | None:
        """The replay in progress, begun by any process; None when there is none."""
        with context.engine.begin() as connection:
            row = replay_state.in_progress(connection)
        return None if row is None else cls(context, row, report, watch)

    @property
    def projectors(self) -> Projectors:
        """What is replayed. Raises `ReplayError` when this code has other versions of them."""
        return self._loader.projectors

    @property
    def state(self) -> State:
        """Where this replay stands now."""
        with self._context.engine.begin() as connection:
            row = replay_state.latest(connection)
        assert row is not None
        return row.state

    def prepare(self, *, swapping: bool = True) -> None:
        """Make the twins, run the pending view migrations on them, and register the projectors as replaying.

        Without `swapping` nothing minds what depends on the live tables: they will stay.
        """
        with self._steps.taking("prepare"):
            tolerated = not swapping or any(projector.looks_after_dependents() for projector in self.projectors)
            notices = self._twins.prepare(self._table_names(), self._other_table_names(), dependents=tolerated)
            self._migrate_twins()
            self._refuse_other_tables()
            with self._steps.changing("prepare") as connection:
                self._states.register_replaying(connection, self.projectors)
                replay_state.set_state(connection, self._id, State.PREPARED, error=None)
        for notice in notices:
            self._report(notice)
        self._report(f"prepared {', '.join(self._table_names()) or 'no tables'}")

    def run(self) -> None:
        """Load all events that are committed now, group by group. A failed or killed run goes on where it stopped."""
        with self._steps.taking("run"):
            with self._steps.changing("run") as connection:
                replay_state.set_state(connection, self._id, State.REPLAYING, error=None)
            with self._twins.loading() as connection:
                mark = progress.reached(connection, self._id) or self._plan(connection)
                before = progress.counts(connection, self._id)
                todo = progress.unfinished(connection, self._id)
            seen = self._load(todo, mark, before)
            with self._steps.changing("run") as connection:
                replay_state.set_state(connection, self._id, State.REPLAYED)
        self._report(f"replayed {seen.done} events in {seen.seconds:.1f} s ({seen.events_a_second:,.0f} a second)")

    def catch_up(self) -> None:
        """Project what was committed since, in the order of commands. Can be repeated."""
        with self._steps.taking("catch up") as row:
            with self._steps.changing("catch up") as connection:
                replay_state.set_state(connection, self._id, State.CATCHING_UP, error=None)
            before = State.OPTIMIZED if row.state is State.OPTIMIZED else State.REPLAYED
            try:
                meter = Meter(self._watch, "catch up", events=self._loader.behind().events)
                number = self._loader.catch_up(lambda events: meter.advance(1, events))
            except BaseException:
                self._steps.return_to(before)
                raise
            meter.show()
            with self._steps.changing("catch up") as connection:
                replay_state.set_state(connection, self._id, before)
        self._report(f"caught up with {number} events")

    def compare(self, compare: Callable[[Connection], T]) -> T:
        """Catch up until one moment, and compare the live tables and the twins as they were then."""
        with self._steps.taking("catch up"), self._twins.comparing() as live:
            with self._twins.loading_while_going_live(live) as loading:
                self._loader.catch_up_within(live, loading)
            with self._twins.beside(live) as both:
                return compare(both)

    def optimize(self) -> None:
        """Bring back indexes and foreign keys, and refresh the statistics."""
        with self._steps.taking("optimize"):
            self._twins.optimize(Meter(self._watch, "optimize").do)
            with self._steps.changing("optimize") as connection:
                replay_state.set_state(connection, self._id, State.OPTIMIZED, error=None)
        self._report("optimized")

    def go_live(self) -> None:
        """Catch up for the last time, swap, and activate the versions: in one transaction, or not at all.

        While readers hold a table it tries again and again, and lets writers through in between. Raises `LockTimeout`
        when the context's `lock_timeout` is over.
        """
        with self._steps.taking("go live"):
            number = self._swap_at_some_moment()
            self._twins.discard()
        self._report(f"caught up with {number} events; {self._names()} live")

    def take_steps_beside(self) -> None:
        """Take all steps that disturb nobody, from where it stands now, until it can go live."""
        steps = {"prepare": self.prepare, "run": self.run, "catch up": self.catch_up, "optimize": self.optimize}
        for step in replay_state.STEPS_BESIDE[self.state]:
            steps[step]()

    def take_all_steps(self) -> None:
        """Take all steps from where it stands now, and go live."""
        self.take_steps_beside()
        self.go_live()

    def abort(self) -> None:
        """End the replay and remove the twins, whoever is at work on it. The live tables stay as they are."""
        with self._steps.changing("abort") as connection:
            row = replay_state.lock_for(connection, self._id, "abort")
            self._states.abort_replaying(connection, list(row.projector_versions))
            replay_state.set_state(connection, self._id, State.ABORTED)
        self._twins.discard()

    def _swap_at_some_moment(self) -> int:
        limit = self._context.lock_timeout
        give_up_at = time.monotonic() + limit
        while True:
            try:
                return self._swap(max(0.0, give_up_at - time.monotonic()))
            except LockTimeout as error:
                if time.monotonic() >= give_up_at:
                    raise LockTimeout(f"there was no moment to go live within {limit:g} s: {error}") from error
            pause(_SECONDS_BETWEEN_SWAPS)
            self._loader.catch_up()  # the next attempt keeps writers out for what is left only

    def _swap(self, lock_timeout: float) -> int:
        twins = self._twins
        with twins.going_live(lock_timeout) as live:
            replay_state.lock_for(live, self._id, "go live")
            with twins.loading_while_going_live(live) as loading:
                number = self._loader.catch_up_within(live, loading)
            twins.swap(live, self._migrate, self._swapped)
            self._states.register_active(live, self.projectors)
            replay_state.set_state(live, self._id, State.LIVE, error=None)
        return number

    @cached_property  # what is left to do after the swap is remembered there
    def _twins(self) -> ShadowTables:
        return self._context.twins

    @cached_property
    def _loader(self) -> Loader:
        return self._context.loader(self._row)

    def _migrate_twins(self) -> None:
        try:
            keep = [pattern for projector in self.projectors for pattern in projector.keep_indexes]
            with self._twins.migrating(keep) as connection:
                self._migrate(connection)
        except DBAPIError as error:
            raise ReplayError(
                f"the pending view migrations fail on the copies of {', '.join(self._table_names())}: {error.orig}. "
                "Together with a replay they can change only tables that are replayed; raise the version of the "
                "projector that manages the table, or take the other migration live on its own first"
            ) from error

    def _migrate(self, connection: Connection) -> None:
        self._context.migrations.upgrade(connection)
        for projector in self.projectors:
            projector.after_prepare(connection)

    def _swapped(self, live: Connection) -> None:
        for projector in self.projectors:
            projector.after_swap(live)

    def _plan(self, connection: Connection) -> str:
        self._refuse_rows(connection)
        with self._context.engine.begin() as reading:
            mark = self._context.dialect.position_mark(reading)
            planned = portions.planned(self._context, self._loader, reading)
        progress.plan(connection, self._row, mark, planned)
        return mark

    def _refuse_other_tables(self) -> None:
        with self._twins.looking() as connection:
            for record, table in self._records():
                try:
                    connection.execute(select(table).limit(0))
                except DBAPIError as error:
                    kind = self._context.dialect.failure(error).kind
                    if kind not in {FailureKind.TABLE_MISSING, FailureKind.COLUMN_MISSING}:
                        raise
                    raise ReplayError(
                        f"{record.__name__} is not what the database has ({error.orig}): write a migration of "
                        f"{table.name} (`alembic revision --autogenerate`, which compares the records that env.py "
                        "imports), and run `sequent migrate online` again"
                    ) from error

    def _refuse_rows(self, connection: Connection) -> None:
        for _, table in self._records():
            if connection.scalar(select(exists(select(1).select_from(table)))):
                raise ReplayError(
                    f"the copy of {table.name} has rows already, so that a replay could store rows twice: "
                    "migrations and hooks must leave it empty; abort this replay and begin another one"
                )

    def _load(self, todo: Sequence[Group], mark: str, before: GroupCounts) -> Progress:
        meter = Meter(
            self._watch,
            "run",
            done=before.finished_events,
            events=before.events or None,
            groups_done=before.finished,
            groups=before.groups,
        )
        portions.load(self._context, self._loader, todo, mark, self._id, meter, self._report)
        return meter.progress

    def _table_names(self) -> list[str]:
        return sorted({table.name for _, table in self._records()})

    def _records(self) -> list[tuple[type, Table]]:
        return [(record, record_table(record).table) for p in self.projectors for record in p.managed_tables or ()]

    def _other_table_names(self) -> set[str]:
        others = [p for p in self._context.projectors if p not in self.projectors]
        return {record_table(record).table.name for p in others for record in p.managed_tables or ()}

    def _names(self) -> str:
        return ", ".join(f"{p.__type_name__} version {p.version}" for p in self.projectors)
