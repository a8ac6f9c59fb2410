"""The states of a replay, the steps between them, and where that is written down."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from sequent_sa import _clock
from sequent_sa.exceptions import ReplayError, ReplayWorkerError
from sequent_sa.tables import replay_states


class State(StrEnum):
    """Where a replay stands."""

    CREATED = "created"
    PREPARED = "prepared"
    REPLAYING = "replaying"
    REPLAYED = "replayed"
    CATCHING_UP = "catching_up"
    OPTIMIZED = "optimized"
    LIVE = "live"
    FAILED = "failed"
    ABORTED = "aborted"


ENDED = (State.LIVE, State.ABORTED)

STEPS: Mapping[str, tuple[State, ...]] = MappingProxyType(
    {
        "prepare": (State.CREATED,),
        "run": (State.PREPARED, State.REPLAYING, State.FAILED),
        "catch up": (State.REPLAYED, State.CATCHING_UP, State.OPTIMIZED),
        "optimize": (State.REPLAYED,),
        "go live": (State.OPTIMIZED,),
        "abort": tuple(state for state in State if state not in ENDED),
    }
)
"""The states from which each step can be taken. A step that was killed can be taken again."""

_TO_THE_END = ("catch up", "optimize", "catch up")

STEPS_BESIDE: Mapping[State, tuple[str, ...]] = MappingProxyType(
    {
        State.CREATED: ("prepare", "run", *_TO_THE_END),
        State.PREPARED: ("run", *_TO_THE_END),
        State.REPLAYING: ("run", *_TO_THE_END),
        State.FAILED: ("run", *_TO_THE_END),
        State.REPLAYED: _TO_THE_END,
        State.CATCHING_UP: _TO_THE_END,
        State.OPTIMIZED: ("catch up",),
    }
)
"""The steps from each state that disturb nobody, until it can go live."""


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """A replay as it is written down."""

    id: int
    state: State
    projector_versions: Mapping[str, int]
    updated_at: datetime
    error: Mapping[str, Any] | None = None


def create(connection: Connection, projector_versions: Mapping[str, int]) -> ReplayRow:
    """Write down a new replay. Raises `ReplayError` when one is in progress."""
    refuse_in_progress(connection)
    values = {
        "state": State.CREATED.value,
        "projectors": list(projector_versions),
        "projector_versions": dict(projector_versions),
    }
    try:
        row = connection.execute(insert(replay_states).values(values).returning(*_COLUMNS)).one()
    except IntegrityError as error:
        raise ReplayError(
            "another process began a replay at the same moment: look at `sequent migrate status`"
        ) from error
    return _as_row(row)


def refuse_in_progress(connection: Connection) -> None:
    """Raise `ReplayError` when a replay is in progress."""
    current = in_progress(connection)
    if current is not None:
        raise ReplayError(
            f"a replay of {', '.join(current.projector_versions)} is in progress (state {current.state.value}): "
            "finish it, or end it with `sequent projectors replay abort`"
        )


def latest(connection: Connection) -> ReplayRow | None:
    """The replay that was created last, ended or not."""
    return _read(connection, ())


def in_progress(connection: Connection) -> ReplayRow | None:
    """The one replay that is neither live nor aborted."""
    return _read(connection, ENDED)


def lock_for(connection: Connection, replay_id: int, step: str) -> ReplayRow:
    """Keep others from changing the replay's state in this transaction. Raises `ReplayError` unless `step` fits it."""
    # Ending a replay waits for whoever is loading (see progress.hold); the other steps do not.
    ends = step in ("go live", "abort")
    statement = select(*_COLUMNS).where(replay_states.c.id == replay_id).with_for_update(key_share=not ends)
    row = _as_row(connection.execute(statement).one())
    if row.state not in STEPS[step]:
        fitting = " or ".join(state.value for state in STEPS[step])
        raise ReplayError(
            f"a replay can {step} only when it is {fitting}; this one is {row.state.value}: "
            "`sequent projectors replay status` says what comes next"
        )
    return row


def set_state(connection: Connection, replay_id: int, state: State, **values: object) -> None:
    """Write down where the replay stands."""
    connection.execute(
        update(replay_states)
        .where(replay_states.c.id == replay_id)
        .values(state=state.value, updated_at=_clock.now(), **values)
    )


def return_to(connection: Connection, replay_id: int, current: State, former: State) -> None:
    """Undo a change of the state, unless another process has changed it since."""
    connection.execute(
        update(replay_states)
        .where(replay_states.c.id == replay_id, replay_states.c.state == current.value)
        .values(state=former.value, updated_at=_clock.now())
    )


def set_failed(connection: Connection, replay_id: int, error: BaseException) -> None:
    """Write down why a step failed, unless the replay was ended meanwhile. After a run the replay is failed."""
    columns = replay_states.c
    state = case((columns.state == State.REPLAYING.value, State.FAILED.value), else_=columns.state)
    connection.execute(
        update(replay_states)
        .where(columns.id == replay_id, columns.state.not_in([state.value for state in ENDED]))
        .values(state=state, error=describe_failure(error), updated_at=_clock.now())
    )


def forget_errors(connection: Connection) -> None:
    """Forget why replays failed that have ended: what the database said may name a key, and so a person."""
    connection.execute(update(replay_states).where(replay_states.c.state.in_(ENDED)).values(error=None))


def describe_failure(error: BaseException) -> dict[str, str]:
    """An error as it is stored with the replay, to be read in another process."""
    if isinstance(error, ReplayWorkerError):
        return {"type": error.type, "message": error.message, "traceback": error.traceback}
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


_COLUMNS = (
    replay_states.c.id,
    replay_states.c.state,
    replay_states.c.projectors,
    replay_states.c.projector_versions,
    replay_states.c.updated_at,
    replay_states.c.error,
)


def _read(connection: Connection, except_states: Sequence[State]) -> ReplayRow | None:
    statement = select(*_COLUMNS).order_by(replay_states.c.id.desc()).limit(1)
    if except_states:
        statement = statement.where(replay_states.c.state.not_in([state.value for state in except_states]))
    row = connection.execute(statement).one_or_none()
    return None if row is None else _as_row(row)


def _as_row(row: Any) -> ReplayRow:
    # A replay of another implementation on this database knows no versions.
    versions = row.projector_versions or dict.fromkeys(row.projectors, 0)
    return ReplayRow(row.id, State(row.state), versions, row.updated_at, row.error)
