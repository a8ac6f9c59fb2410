"""Where a replay stands, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sequent_sa.exceptions import ReplayError
from sequent_sa.replay import progress, replay_state
from sequent_sa.replay.context import ReplayContext
from sequent_sa.replay.loader import Behind
from sequent_sa.replay.progress import GroupCounts
from sequent_sa.replay.replay_state import ENDED, ReplayRow, State

_NEXT = {
    State.CREATED: "prepare",
    State.PREPARED: "run",
    State.REPLAYING: "run",
    State.FAILED: "run",
    State.REPLAYED: "optimize",
    State.CATCHING_UP: "catchup",
    State.OPTIMIZED: "golive",
}


@dataclass(frozen=True, slots=True)
class ReplayStatus:
    """A replay: the versions of its projectors, how far it is, and the last thing that went wrong.

    `at_work` says whether a process is taking a step at this moment. `next_step` is the subcommand of
    `sequent projectors replay` that comes next, None after the end, and for the replay of other code: `foreign` says
    then why this code cannot go on with it. `position` is until where it has loaded, and `behind` what it lacks since;
    None while it has not loaded everything once, and for the replay of other code.
    """

    state: State
    projectors: Mapping[str, int]
    updated_at: datetime
    at_work: bool
    next_step: str | None
    position: str | None
    counts: GroupCounts | None
    behind: Behind | None
    error: Mapping[str, Any] | None
    foreign: str | None = None


def status(context: ReplayContext) -> ReplayStatus | None:
    """The replay that was begun last; None when there never was one."""
    with context.engine.begin() as connection:
        row = replay_state.latest(connection)
    if row is None:
        return None
    ended = row.state in ENDED
    at_work = False
    foreign = None if ended else _foreign(context, row)
    if not ended:
        with context.dialect.replaying(context.engine, 0) as alone:
            at_work = not alone
    position, counts = _progress(context, row.id) if not ended and row.state is not State.CREATED else (None, None)
    return ReplayStatus(
        row.state,
        row.projector_versions,
        row.updated_at,
        at_work,
        None if foreign else _NEXT.get(row.state),
        position,
        counts,
        None if foreign else _behind(context, row),
        row.error,
        foreign,
    )


def _foreign(context: ReplayContext, row: ReplayRow) -> str | None:
    try:
        context.projectors_of(row)
    except ReplayError as error:
        return str(error)
    return None


def _behind(context: ReplayContext, row: ReplayRow) -> Behind | None:
    if row.state not in (State.REPLAYED, State.CATCHING_UP, State.OPTIMIZED):
        return None
    try:
        return context.loader(row).behind()
    except ReplayError:
        return None  # somebody ended the replay just now


def _progress(context: ReplayContext, replay_id: int) -> tuple[str | None, GroupCounts | None]:
    try:
        with context.twins.looking() as connection:
            return progress.reached(connection, replay_id), progress.counts(connection, replay_id)
    except ReplayError:
        if _is_over(context, replay_id):
            return None, None
        raise


def _is_over(context: ReplayContext, replay_id: int) -> bool:
    with context.engine.begin() as connection:
        row = replay_state.in_progress(connection)
    return row is None or row.id != replay_id
