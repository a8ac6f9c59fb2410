"""Where PostgreSQL keeps the events of an aggregate, and moving them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from sequent_sa.dialects import Dialect, Move
from sequent_sa.tables import aggregates, partition_key_changes

_STATEMENT_SECONDS = 30.0


def pending(connection: Connection) -> int:
    """How many aggregates say another partition key than their events are kept under."""
    return connection.scalar(select(func.count()).select_from(partition_key_changes)) or 0


class Change(NamedTuple):
    """An aggregate, and the partition key that it says."""

    aggregate_id: UUID
    key: str


def next_change(connection: Connection, leave_out: Collection[UUID]) -> Change | None:
    """The change that has waited longest, which nobody else can make until the transaction ends; None without any.

    What another transaction is making is left out, and what `leave_out` has.
    """
    changes = partition_key_changes.c
    waiting = (
        select(changes.aggregate_id, changes.new_partition_key)
        .where(changes.aggregate_id.not_in(sorted(leave_out)))
        .order_by(changes.created_at, changes.aggregate_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(waiting).one_or_none()
    return None if found is None else Change(*found)


def make_change(dialect: Dialect, connection: Connection, change: Change) -> None:
    """Move the events of an aggregate."""
    dialect.limit_statements(connection, _STATEMENT_SECONDS)
    # The foreign key of the events follows.
    mine = update(aggregates).where(aggregates.c.aggregate_id == change.aggregate_id)
    connection.execute(mine.values(events_partition_key=change.key))
    made = partition_key_changes.c.aggregate_id == change.aggregate_id
    connection.execute(delete(partition_key_changes).where(made))


def move(dialect: Dialect, connection: Connection, what: Move, limit: int) -> int:
    """Give at most `limit` aggregates, with their events, the key that the move says. Returns how many there were."""
    dialect.limit_statements(connection, _STATEMENT_SECONDS)
    some = select(aggregates.c.aggregate_id).where(what.which).order_by(aggregates.c.aggregate_id).limit(limit)
    ids = connection.scalars(some.with_for_update()).all()
    if ids:
        these = update(aggregates).where(aggregates.c.aggregate_id.in_(ids), what.which)
        connection.execute(these.values(events_partition_key=what.key))
    return len(ids)
