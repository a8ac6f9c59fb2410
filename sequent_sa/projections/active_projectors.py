"""Events reach only the projectors whose version is active; code of another version stops."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from sequent_sa.dialects import BoundStatement, Dialect, Failure, FailureKind
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import (
    DifferentProjectorVersionIsActive,
    ProjectorIsActivating,
    ProjectorNeverActivated,
    ProjectorsChanged,
    SequentError,
    UnknownActiveProjector,
)
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import (
    ProjectorState,
    StateRows,
    as_text,
    by_projector,
    fetch_states,
    states_in,
    unknown_projectors,
)
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)


class _Choice(NamedTuple):
    rows: StateRows
    handlers: Sequence[MessageHandler]
    check: BoundStatement | None


class ActiveProjectors:
    """Chooses, once in each unit of work, the handlers that get its events.

    The states are those that were read last; what is sent first with the events makes sure that they still hold, and
    that nobody switches versions before the transaction ends.
    """

    def __init__(self, handlers: Sequence[MessageHandler], dialect: Dialect, *, strict: bool) -> None:
        self._handlers = handlers
        self._strict = strict
        self._projectors = [type(handler) for handler in handlers if isinstance(handler, Projector)]
        self._warned: set[str] = set()
        self._dialect = dialect
        self._assumed: _Choice | None = None
        self._latest: _Choice | None = None

    def __call__(self, unit: UnitOfWork) -> Sequence[MessageHandler]:
        """All handlers but the projectors that are not active.

        Raises `UnknownActiveProjector`, `ProjectorIsActivating`, `DifferentProjectorVersionIsActive`, and, unless in
        production, `ProjectorNeverActivated`.
        """
        chosen: Sequence[MessageHandler] | None = unit.memo.get(self)
        if chosen is None:
            choice = self._assumed if unit.repeatable else None
            if choice is None:
                choice = self._choice(fetch_states(unit.transaction))
            chosen = unit.memo[self] = choice.handlers
            if choice.check is not None:
                self._assumed = choice
                unit.transaction.write(Write(*choice.check, self._changed), first=True)
        return chosen

    def _choice(self, rows: StateRows) -> _Choice:
        # Only what was no reason to stop is remembered: an error is always about what is stored now.
        latest = self._latest
        if latest is not None and latest.rows == rows:
            return latest
        stored = states_in(rows)
        handlers = self._chosen(by_projector(stored, self._projectors))
        self._latest = _Choice(rows, handlers, self._dialect.check_projector_states(as_text(stored)))
        return self._latest

    def _chosen(self, states: dict[str, ProjectorState]) -> Sequence[MessageHandler]:
        self._refuse_unknown(states)
        self._refuse_never_activated(states)
        return [handler for handler in self._handlers if not isinstance(handler, Projector) or _active(handler, states)]

    def _changed(self, failure: Failure, error: BaseException) -> SequentError | None:
        self._assumed = None
        return ProjectorsChanged() if failure.kind is FailureKind.PROJECTORS_CHANGED else None

    def _refuse_unknown(self, states: dict[str, ProjectorState]) -> None:
        unknown = unknown_projectors(states, self._projectors)
        if unknown:
            raise UnknownActiveProjector(unknown)

    def _refuse_never_activated(self, states: dict[str, ProjectorState]) -> None:
        names = [type(handler).__type_name__ for handler in self._handlers if isinstance(handler, Projector)]
        never = [name for name in names if name not in states]
        if never and self._strict:
            raise ProjectorNeverActivated(never)
        for name in set(never) - self._warned:
            self._warned.add(name)
            logger.warning("%s was never activated and gets no events", name, extra={"projector": name})


def _active(projector: Projector, states: dict[str, ProjectorState]) -> bool:
    name, version = type(projector).__type_name__, type(projector).version
    state = states.get(name)
    if state is None:
        return False
    if state.activating_version is not None:
        raise ProjectorIsActivating(name)
    if state.active_version is None:
        return False
    if state.active_version != version:
        raise DifferentProjectorVersionIsActive(name, version, state.active_version)
    return True
