"""Bringing a running application from one version to the next: schema, view tables and projections together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sequent_sa.application import Sequent
from sequent_sa.database import (
    NoViewHistory,
    ViewHistory,
    check_event_store,
    create_view_schema,
    migrating,
    upgrade_event_store,
)
from sequent_sa.exceptions import ConfigurationError, ReplayError
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import by_projector, read_states
from sequent_sa.replay import replay_state
from sequent_sa.replay.context import ReplayContext
from sequent_sa.replay.drift import Difference, verify
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.meter import Watch
from sequent_sa.replay.replay_state import State

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where things stand, as text to print, and whether something is to be done."""

    lines: tuple[str, ...]
    pending: bool


class Migration:
    """The two halves of an upgrade. `online` may take long and disturbs nobody; `offline` takes a moment.

    `alembic_ini` belongs to the application's view migrations; None for the one that its configuration says.
    """

    def __init__(self, app: Sequent, alembic_ini: Path | None = None) -> None:
        self._app = app
        self._ini = alembic_ini or app.configuration.view_migrations
        self._history = ViewHistory(self._ini)

    def online(self, report: Report) -> None:
        """Bring the event store up, and replay new and changed projectors beside the running application.

        Goes on where an interrupted call stopped. Raises `ReplayError` when the replay in progress belongs to other
        code, and `PublishEventError` when a projector fails.
        """
        upgrade_event_store(self._app.engine)
        create_view_schema(self._app.engine)
        replay = Replay.resume(self.context, report)
        if replay is None:
            changed = self.changed_projectors()
            if not changed:
                report(self._nothing_to_replay())
                return
            replay = Replay.create(self.context, changed, report)
        replay.take_steps_beside()
        report("ready: `sequent migrate offline` puts it live")

    def offline(self, report: Report) -> None:
        """Catch up, swap the tables and activate the projectors, in one transaction; types are registered before.

        Raises `ReplayError` when `online` has not finished, `LockTimeout` when the application's transactions leave no
        moment for it; then nothing has changed.
        """
        check_event_store(self._app.engine)
        self._app.register_types()
        replay = Replay.resume(self.context, report)
        if replay is not None:
            if replay.state is not State.OPTIMIZED:
                raise ReplayError(f"the replay is not ready ({replay.state.value}): run `sequent migrate online` first")
            replay.catch_up()
            replay.go_live()
        elif changed := self.changed_projectors():
            names = ", ".join(projector.__type_name__ for projector in changed)
            raise ReplayError(f"{names} must be replayed first: run `sequent migrate online`")
        elif self._pending_revision() is not None:
            create_view_schema(self._app.engine)
            with migrating(self._app.engine) as connection:
                self._history.upgrade(connection)
            report("the view tables are up to date; no projector changed")
        else:
            report("nothing to do: everything is up to date")

    def verify(
        self, projectors: Sequence[type[Projector]], found: Callable[[Difference], object], report: Report, watch: Watch
    ) -> int:
        """Compare the tables of projectors with what a replay gives; returns the number of rows that differ.

        Raises `ReplayError` when view migrations are pending, and as `sequent_sa.replay.drift.verify`.
        """
        check_event_store(self._app.engine)
        if self._ini.is_file() and self._pending_revision() is not None:
            raise ReplayError(
                "view migrations are pending, so the tables cannot be compared: run `sequent migrate offline`"
            )
        return verify(self.context, projectors, found, report, watch)

    def status(self) -> MigrationStatus:
        """Where things stand and what to type next."""
        check_event_store(self._app.engine)
        with self._app.engine.begin() as connection:
            row = replay_state.in_progress(connection)
        if row is not None:
            what = ", ".join(f"{name} version {version}" for name, version in row.projector_versions.items())
            step = "offline" if row.state is State.OPTIMIZED else "online"
            lines = [f"a replay of {what} is in progress: {row.state.value}"]
            lines += [f"it failed: {row.error['message']}"] if row.error and row.state is State.FAILED else []
            return MigrationStatus((*lines, f"next: sequent migrate {step}"), pending=True)
        lines = [f"{p.__type_name__} version {p.version} is not active" for p in self.changed_projectors()]
        revision = self._pending_revision()
        if revision is not None:
            lines.append(f"view migrations up to {revision} are pending")
        if not lines:
            return MigrationStatus(("everything is up to date",), pending=False)
        step = "online" if self.changed_projectors() else "offline"
        return MigrationStatus((*lines, f"next: sequent migrate {step}"), pending=True)

    def changed_projectors(self) -> list[type[Projector]]:
        """The projectors whose version is not the active one."""
        with self._app.engine.begin() as connection:
            states = by_projector(read_states(connection), self._app.projectors)
        active = {name: state.active_version for name, state in states.items()}
        return [p for p in self._app.projectors if active.get(p.__type_name__) != p.version]

    @property
    def context(self) -> ReplayContext:
        """What a replay needs of the application."""
        return self._app.replay_context(self._history if self._ini.is_file() else NoViewHistory())

    def _pending_revision(self) -> str | None:
        """The latest revision of the view tables, unless the database has it."""
        if not self._ini.is_file():
            raise ConfigurationError(f"{self._ini} is missing: it says where the migrations of the view tables are")
        with self._app.engine.connect() as connection:
            current, head = self._history.revision(connection)
        return head if head != current else None

    def _nothing_to_replay(self) -> str:
        if self._pending_revision() is None:
            return "nothing to do: everything is up to date"
        return "no projector changed: `sequent migrate offline` runs the pending view migrations"
