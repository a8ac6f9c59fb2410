"""Bringing a running application from one version to the next: schema, view tables and projections together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sequent_sa.application import Sequent
from sequent_sa.database import (
    NoViewHistory,
    ViewHistory,
    check_event_store,
    create_view_schema,
    event_store_revision,
    migrating,
    upgrade_event_store,
)
from sequent_sa.exceptions import ConfigurationError, ReplayError
from sequent_sa.migration.plans import MigrationPlan, MigrationStatus, PendingProjector
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import ProjectorState, by_projector, read_states, unknown_projectors
from sequent_sa.replay import portions, replay_state
from sequent_sa.replay.context import GROUP_SIZE, LOCK_TIMEOUT, ReplayContext
from sequent_sa.replay.drift import Difference, verify
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.meter import Watch
from sequent_sa.replay.replay_state import ENDED, STEPS_BESIDE, State
from sequent_sa.replay.status import ReplayStatus
from sequent_sa.replay.status import status as replay_status

Report = Callable[[str], None]


class Migration:
    """The two halves of an upgrade. `online` may take long and disturbs nobody; `offline` takes a moment.

    `alembic_ini` belongs to the application's view migrations; None for the one that its configuration says. Worker
    processes import the application by `import_name`, `module:attribute`; without it there are none. `lock_timeout` is
    how many seconds going live looks for a moment.
    """

    def __init__(
        self,
        app: Sequent,
        alembic_ini: Path | None = None,
        *,
        import_name: str | None = None,
        workers: int | None = None,
        group_size: int = GROUP_SIZE,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self._app = app
        self._ini = alembic_ini or app.configuration.view_migrations
        self._history = ViewHistory(self._ini)
        self._options = (import_name, workers, group_size, lock_timeout)

    def online(self, report: Report, watch: Watch) -> None:
        """Bring the event store up, and replay new and changed projectors beside the running application.

        Goes on where an interrupted call stopped. Raises `ReplayError` when the replay in progress belongs to other
        code, and `PublishEventError` when a projector fails.
        """
        upgrade_event_store(self._app.engine)
        create_view_schema(self._app.engine)
        replay = Replay.resume(self.context, report, watch)
        if replay is None:
            changed = self.changed_projectors()
            if not changed:
                report(self._nothing_to_replay())
                return
            replay = Replay.create(self.context, changed, report, watch)
        replay.take_steps_beside()
        report("ready: `sequent migrate offline` puts it live")

    def online_plan(self) -> MigrationPlan:
        """What `online` would do. Raises as it does when the replay in progress belongs to other code."""
        store = event_store_revision(self._app.engine)
        change = None if store[0] == store[1] else store
        row = None if store[0] is None else self._in_progress()
        if row is not None:
            projectors = self.context.projectors_of(row)
            steps = STEPS_BESIDE[row.state]
        else:
            projectors = self._app.projectors if store[0] is None else self.changed_projectors()
            steps = STEPS_BESIDE[State.CREATED] if projectors else ()
        if not projectors:
            return MigrationPlan(event_store=change)
        events = 0 if store[0] is None else portions.estimated(self.context, projectors)
        return MigrationPlan(change, self._described(projectors), self._pending_revisions(), events, steps)

    def offline(self, report: Report, watch: Watch) -> None:
        """Catch up, swap the tables and activate the projectors, in one transaction; types are registered before.

        Raises `ReplayError` when `online` has not finished, `LockTimeout` when the application's transactions leave no
        moment for it; then nothing has changed.
        """
        check_event_store(self._app.engine)
        self._refuse_unready()
        self._app.register_types()
        replay = Replay.resume(self.context, report, watch)
        if replay is not None:
            replay.catch_up()
            replay.go_live()
        elif self._pending_revisions():
            create_view_schema(self._app.engine)
            with migrating(self._app.engine) as connection:
                self._history.upgrade(connection)
            report("the view tables are up to date; no projector changed")
        else:
            report("nothing to do: everything is up to date")

    def offline_plan(self) -> MigrationPlan:
        """What `offline` would do. Raises as it does when `online` has not finished."""
        check_event_store(self._app.engine)
        self._refuse_unready()
        row = self._in_progress()
        revisions = self._pending_revisions()
        if row is None:
            return MigrationPlan(revisions=revisions)
        projectors = self.context.projectors_of(row)
        events = self.context.loader(row).behind().events
        return MigrationPlan(None, self._described(projectors), revisions, events, ("catch up", "go live"))

    def verify(
        self, projectors: Sequence[type[Projector]], found: Callable[[Difference], object], report: Report, watch: Watch
    ) -> int:
        """Compare the tables of projectors with what a replay gives; returns the number of rows that differ.

        Raises `ReplayError` when view migrations are pending, and as `sequent_sa.replay.drift.verify`.
        """
        check_event_store(self._app.engine)
        if self._ini.is_file() and self._pending_revisions():
            raise ReplayError(
                "view migrations are pending, so the tables cannot be compared: run `sequent migrate offline`"
            )
        return verify(self.context, projectors, found, report, watch)

    def status(self) -> MigrationStatus:
        """Where things stand and what comes next."""
        check_event_store(self._app.engine)
        replay: ReplayStatus | None = replay_status(self.context)
        if replay is not None and replay.state in ENDED:
            replay = None
        changed = self._described(self.changed_projectors())
        return MigrationStatus(replay, changed, self._pending_revisions(), self._unknown_projectors())

    def changed_projectors(self) -> list[type[Projector]]:
        """The projectors whose version is not the active one."""
        states = self._states()
        return [p for p in self._app.projectors if _active_version(states, p) != p.version]

    @property
    def context(self) -> ReplayContext:
        """What a replay needs of the application."""
        history = self._history if self._ini.is_file() else NoViewHistory()
        import_name, workers, group_size, lock_timeout = self._options
        return replace(
            self._app.replay_context(history),
            import_name=import_name,
            workers=workers,
            group_size=group_size,
            lock_timeout=lock_timeout,
        )

    def _refuse_unready(self) -> None:
        row = self._in_progress()
        if row is not None and row.state is not State.OPTIMIZED:
            raise ReplayError(f"the replay is not ready ({row.state.value}): run `sequent migrate online` first")
        if row is None and (changed := self.changed_projectors()):
            names = ", ".join(projector.__type_name__ for projector in changed)
            raise ReplayError(f"{names} must be replayed first: run `sequent migrate online`")

    def _in_progress(self) -> replay_state.ReplayRow | None:
        with self._app.engine.begin() as connection:
            return replay_state.in_progress(connection)

    def _states(self) -> dict[str, ProjectorState]:
        with self._app.engine.begin() as connection:
            return by_projector(read_states(connection), self._app.projectors)

    def _unknown_projectors(self) -> list[str]:
        with self._app.engine.begin() as connection:
            return unknown_projectors(read_states(connection), self._app.projectors)

    def _described(self, projectors: Sequence[type[Projector]]) -> list[PendingProjector]:
        states = {} if event_store_revision(self._app.engine)[0] is None else self._states()
        return [
            PendingProjector(
                projector.__type_name__,
                projector.version,
                _active_version(states, projector),
                [record_table(record).table.name for record in projector.managed_tables or ()],
            )
            for projector in projectors
        ]

    def _pending_revisions(self) -> list[str]:
        """The revisions of the view tables that the database does not have, in order."""
        if not self._ini.is_file():
            raise ConfigurationError(f"{self._ini} is missing: it says where the migrations of the view tables are")
        with self._app.engine.connect() as connection:
            return self._history.pending(connection)

    def _nothing_to_replay(self) -> str:
        if not self._pending_revisions():
            return "nothing to do: everything is up to date"
        return "no projector changed: `sequent migrate offline` runs the pending view migrations"


def _active_version(states: dict[str, ProjectorState], projector: type[Projector]) -> int | None:
    state = states.get(projector.__type_name__)
    return None if state is None else state.active_version
