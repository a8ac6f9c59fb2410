"""Where PostgreSQL keeps the events of an aggregate, and moving them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, tuple_, update

from sequent_sa.dialects import Dialect, Move
from sequent_sa.tables import aggregates, partition_key_changes

_STATEMENT_SECONDS = 30.0


class Waiting(NamedTuple):
    """An aggregate that says another partition key than its events are kept under, and since when."""

    since: datetime
    aggregate_id: UUID


def pending(connection: Connection) -> int:
    """How many aggregates say another partition key than their events are kept under."""
    return connection.scalar(select(func.count()).select_from(partition_key_changes)) or 0


def waiting(connection: Connection, after: Waiting | None, limit: int) -> Sequence[Waiting]:
    """At most `limit` aggregates whose events are to be moved, those that have waited longest first, behind one."""
    order = (partition_key_changes.c.created_at, partition_key_changes.c.aggregate_id)
    found = select(*order).order_by(*order).limit(limit)
    if after is not None:
        found = found.where(tuple_(*order) > tuple_(*after, types=[column.type for column in order]))
    return [Waiting(*row) for row in connection.execute(found)]


def make_change(dialect: Dialect, connection: Connection, aggregate_id: UUID) -> bool:
    """Move the events of an aggregate to the key that it says.

    False when another transaction is writing or moving it, and when it does not say another key any more.
    """
    dialect.limit_statements(connection, _STATEMENT_SECONDS)
    # The aggregate, not the change: that is the order in which whoever appends takes its locks.
    held = select(aggregates.c.aggregate_id).where(aggregates.c.aggregate_id == aggregate_id)
    if connection.scalar(held.with_for_update(skip_locked=True)) is None:
        return False
    mine = partition_key_changes.c.aggregate_id == aggregate_id
    key = connection.scalar(
        delete(partition_key_changes).where(mine).returning(partition_key_changes.c.new_partition_key)
    )
    if key is None:
        return False
    # The foreign key of the events follows.
    aggregate = update(aggregates).where(aggregates.c.aggregate_id == aggregate_id)
    connection.execute(aggregate.values(events_partition_key=key))
    return True


def move(dialect: Dialect, connection: Connection, what: Move, limit: int) -> int:
    """Give at most `limit` aggregates, with their events, the key that the move says. Returns how many there were."""
    dialect.limit_statements(connection, _STATEMENT_SECONDS)
    some = select(aggregates.c.aggregate_id).where(what.which).order_by(aggregates.c.aggregate_id).limit(limit)
    ids = connection.scalars(some.with_for_update()).all()
    if ids:
        these = update(aggregates).where(aggregates.c.aggregate_id.in_(ids), what.which)
        connection.execute(these.values(events_partition_key=what.key))
    return len(ids)
