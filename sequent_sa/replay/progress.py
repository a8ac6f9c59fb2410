"""What is loaded into the twins so far: recorded in the transaction that loads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from sequent_sa import _clock
from sequent_sa.event_store.load import Position
from sequent_sa.exceptions import ReplayError
from sequent_sa.replay.groups import Bound, Group
from sequent_sa.replay.replay_state import ENDED, ReplayRow, State
from sequent_sa.tables import replay_groups, replay_states


@dataclass(frozen=True, slots=True)
class Window:
    """Everything until the mark `after` is loaded, and of what was committed then until `until`, all up to `last`."""

    after: str | None
    until: str | None = None
    last: Position | None = None


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
        raise ReplayError(_ENDED_BY_ANOTHER)


def window(connection: Connection, replay_id: int) -> Window:
    """What is loaded, and how far the loading of what was committed after that came.

    Raises `ReplayError` when the replay was ended, and its copies are those of another one.
    """
    row = connection.execute(
        select(*_WINDOW).where(replay_states.c.id == replay_id).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise ReplayError(_ENDED_BY_ANOTHER)
    return _window(row)


def advance(connection: Connection, replay_id: int, until: str, before: Position | None, last: Position) -> Position:
    """Write down how far this transaction comes in a window. Raises `ReplayError` when another process came further."""
    columns = replay_states.c
    expected = [None] * 3 if before is None else [before.command_id, before.aggregate_id, before.sequence_number]
    key = (columns.last_command_id, columns.last_aggregate_id, columns.last_sequence_number)
    changed = connection.execute(
        update(replay_states)
        .where(columns.id == replay_id)
        .where(*(column.is_not_distinct_from(value) for column, value in zip(key, expected, strict=True)))
        .values(
            position_mark_until=until,
            last_command_id=last.command_id,
            last_aggregate_id=last.aggregate_id,
            last_sequence_number=last.sequence_number,
        )
    )
    if changed.rowcount != 1:
        raise ReplayError("another process goes on with this replay: let that one go on, or abort the replay")
    return last


def reach(connection: Connection, replay_id: int, mark: str) -> Window:
    """Write down that everything until `mark` is loaded."""
    empty = dict.fromkeys(column.name for column in _WINDOW)
    connection.execute(
        update(replay_states).where(replay_states.c.id == replay_id).values(**{**empty, "position_mark": mark})
    )
    return Window(mark)


def unfinished(connection: Connection, replay_id: int) -> list[Group]:
    """The groups that are still to be loaded, in order."""
    rows = connection.execute(
        select(replay_groups)
        .where(replay_groups.c.replay_id == replay_id, replay_groups.c.finished_at.is_(None))
        .order_by(replay_groups.c.number)
    )
    return [_group(row) for row in rows]


def finish(connection: Connection, replay_id: int, group: Group, events: int) -> bool:
    """Write down that this transaction loads a group. False when another process has loaded it."""
    changed = connection.execute(
        update(replay_groups)
        .where(
            replay_groups.c.replay_id == replay_id,
            replay_groups.c.number == group.number,
            replay_groups.c.finished_at.is_(None),
        )
        .values(events=events, finished_at=_clock.now())
    )
    return changed.rowcount == 1


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """How many groups, and events in them, are loaded, and how many there are."""

    finished: int
    groups: int
    finished_events: int
    events: int


def counts(connection: Connection, replay_id: int) -> GroupCounts:
    """How far the first run has come. The events of groups that are not finished were estimated."""
    columns = replay_groups.c
    is_finished = columns.finished_at.is_not(None)
    statement = select(
        func.count().filter(is_finished),
        func.count(),
        func.coalesce(func.sum(columns.events).filter(is_finished), 0),
        func.coalesce(func.sum(columns.events), 0),
    ).where(columns.replay_id == replay_id)
    return GroupCounts(*(int(number) for number in connection.execute(statement).one()))


_ENDED_BY_ANOTHER = "this replay was ended by another process"


def _row(replay_id: int, group: Group) -> dict[str, object]:
    lower, upper = group.lower, group.upper
    return {
        "replay_id": replay_id,
        "number": group.number,
        "lower_partition_key": lower and lower.partition_key,
        "lower_aggregate_id": lower and lower.aggregate_id,
        "upper_partition_key": upper and upper.partition_key,
        "upper_aggregate_id": upper and upper.aggregate_id,
        "events": group.events,
    }


def _group(row: Any) -> Group:
    def bound(partition_key: str | None, aggregate_id: Any) -> Bound | None:
        return None if partition_key is None else Bound(partition_key, aggregate_id)

    return Group(
        row.number,
        bound(row.lower_partition_key, row.lower_aggregate_id),
        bound(row.upper_partition_key, row.upper_aggregate_id),
        row.events,
    )


_WINDOW = (
    replay_states.c.position_mark,
    replay_states.c.position_mark_until,
    replay_states.c.last_command_id,
    replay_states.c.last_aggregate_id,
    replay_states.c.last_sequence_number,
)


def _window(row: Any) -> Window:
    after, until, *key = row
    return Window(after, until, None if key[0] is None else Position(*key))
