"""Where an upgrade stands, and what its two halves would do, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import ReplayStatus


@dataclass(frozen=True, slots=True)
class PendingProjector:
    """A projector whose version in this code is not the active one (None: none is), and its tables."""

    name: str
    version: int
    active_version: int | None
    tables: Sequence[str]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """The replay in progress, the projectors that are not active in this code's version, and the revisions to run.

    `unknown` are the projectors that are active and that this code does not have, so that it stores nothing.
    """

    replay: ReplayStatus | None
    projectors: Sequence[PendingProjector]
    revisions: Sequence[str]
    unknown: Sequence[str] = ()

    @property
    def is_pending(self) -> bool:
        """Whether something is still to be done."""
        return self.replay is not None or bool(self.projectors or self.revisions or self.unknown)

    @property
    def next_step(self) -> Literal["online", "offline"] | None:
        """The command that comes next; None when none of the two does: nothing is pending, or it is for other code."""
        if self.replay is not None:
            if self.replay.foreign is not None:
                return None
            return "offline" if self.replay.state is State.OPTIMIZED else "online"
        if self.projectors:
            return "online"
        return "offline" if self.revisions else None


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What one of the two halves would do; nothing in it when there is nothing to do.

    `event_store` are the revisions that it goes from (None: there is none) and to. `steps` are those of a replay of
    `projectors`, and `events` about how many it would load. `revisions` are of the view tables.
    """

    event_store: tuple[str | None, str] | None = None
    projectors: Sequence[PendingProjector] = ()
    revisions: Sequence[str] = ()
    events: int = 0
    steps: Sequence[str] = ()
