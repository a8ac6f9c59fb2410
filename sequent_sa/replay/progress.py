"""What is loaded into the twins so far: recorded in the transaction that loads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from sequent_sa import _clock
from sequent_sa.exceptions import ReplayError
from sequent_sa.replay.groups import Bound, Group
from sequent_sa.replay.replay_state import ENDED, ReplayRow, State
from sequent_sa.tables import replay_groups, replay_states


def plan(connection: Connection, replay: ReplayRow, mark: str, groups: Sequence[Group]) -> None:
    """Write down what is to be loaded: all events committed until `mark`, in these groups."""
    known = connection.scalar(select(replay_states.c.id).where(replay_states.c.id == replay.id))
    if known is None:  # the twins have a progress of their own, beside the application's database
        versions = dict(replay.projector_versions)
        row = {
            "id": replay.id,
            "state": replay.state.value,
            "projectors": list(versions),
            "projector_versions": versions,
        }
        connection.execute(insert(replay_states), row)
    connection.execute(insert(replay_groups), [_row(replay.id, group) for group in groups])
    reach(connection, replay.id, mark)


def reached(connection: Connection, replay_id: int) -> str | None:
    """The mark until which everything is loaded once all groups are finished; None when nothing is planned."""
    return connection.scalar(select(replay_states.c.position_mark).where(replay_states.c.id == replay_id))


def hold(connection: Connection, replay_id: int) -> None:
    """Keep the replay from being ended while this transaction loads. Raises `ReplayError` when it was ended."""
    state = connection.scalar(
        select(replay_states.c.state).where(replay_states.c.id == replay_id).with_for_update(read=True, key_share=True)
    )
    if state is None or State(state) in ENDED:
        raise ReplayError("this replay was ended by another process")


def reached_alone(connection: Connection, replay_id: int) -> str | None:
    """Like `reached`, when nobody else is catching up any more, nor can before this transaction ends."""
    return connection.scalar(
        select(replay_states.c.position_mark).where(replay_states.c.id == replay_id).with_for_update(key_share=True)
    )


def reach(connection: Connection, replay_id: int, mark: str) -> None:
    """Write down that everything until `mark` is loaded."""
    connection.execute(update(replay_states).where(replay_states.c.id == replay_id).values(position_mark=mark))


def unfinished(connection: Connection, replay_id: int) -> list[Group]:
    """The groups that are still to be loaded, in order."""
    rows = connection.execute(
        select(replay_groups)
        .where(replay_groups.c.replay_id == replay_id, replay_groups.c.finished_at.is_(None))
        .order_by(replay_groups.c.number)
    )
    return [_group(row) for row in rows]


def finish(connection: Connection, replay_id: int, group: Group, events: int) -> None:
    """Write down that a group is loaded. Raises `ReplayError` when another process loaded it meanwhile."""
    changed = connection.execute(
        update(replay_groups)
        .where(
            replay_groups.c.replay_id == replay_id,
            replay_groups.c.number == group.number,
            replay_groups.c.finished_at.is_(None),
        )
        .values(events=events, finished_at=_clock.now())
    )
    if changed.rowcount != 1:
        raise ReplayError(f"group {group.number} of the replay was loaded by another process: let that one go on")


def _row(replay_id: int, group: Group) -> dict[str, object]:
    lower, upper = group.lower, group.upper
    return {
        "replay_id": replay_id,
        "number": group.number,
        "lower_partition_key": lower and lower.partition_key,
        "lower_aggregate_id": lower and lower.aggregate_id,
        "upper_partition_key": upper and upper.partition_key,
        "upper_aggregate_id": upper and upper.aggregate_id,
        "events": 0,
    }


def _group(row: Any) -> Group:
    def bound(partition_key: str | None, aggregate_id: Any) -> Bound | None:
        return None if partition_key is None else Bound(partition_key, aggregate_id)

    return Group(
        row.number,
        bound(row.lower_partition_key, row.lower_aggregate_id),
        bound(row.upper_partition_key, row.upper_aggregate_id),
    )
