"""Events reach only the projectors whose version is active; code of another version stops."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sequent_sa.exceptions import (
    DifferentProjectorVersionIsActive,
    ProjectorIsActivating,
    ProjectorNeverActivated,
    UnknownActiveProjector,
)
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import ProjectorState, read_states
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)


class ActiveProjectors:
    """Chooses, once in each unit of work, the handlers that get its events.

    The states are read in the transaction that stores the events, so nobody can switch versions before it ends.
    """

    def __init__(self, handlers: Sequence[MessageHandler], *, strict: bool) -> None:
        self._handlers = handlers
        self._strict = strict
        self._warned: set[str] = set()

    def __call__(self, unit: UnitOfWork) -> Sequence[MessageHandler]:
        """All handlers but the projectors that are not active.

        Raises `UnknownActiveProjector`, `ProjectorIsActivating`, `DifferentProjectorVersionIsActive`, and, unless in
        production, `ProjectorNeverActivated`.
        """
        chosen: Sequence[MessageHandler] | None = unit.memo.get(self)
        if chosen is None:
            with unit.transaction.reading(pending=False) as connection:
                states = read_states(connection)
            self._refuse_unknown(states)
            self._refuse_never_activated(states)
            chosen = [
                handler for handler in self._handlers if not isinstance(handler, Projector) or _active(handler, states)
            ]
            unit.memo[self] = chosen
        return chosen

    def _refuse_unknown(self, states: dict[str, ProjectorState]) -> None:
        known = {type(handler).__type_name__ for handler in self._handlers if isinstance(handler, Projector)}
        unknown = [
            state.name
            for state in states.values()
            if (state.active_version is not None or state.activating_version is not None) and state.name not in known
        ]
        if unknown:
            raise UnknownActiveProjector(sorted(unknown))

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
