"""Where PostgreSQL keeps the events of an aggregate, and moving them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from sequent_sa.dialects import Dialect, Move
from sequent_sa.tables import aggregates, partition_key_changes

_STATEMENT_SECONDS = 30.0


def pending(connection: Connection) -> int:
    """How many aggregates say another partition key than their events are kept under."""
    return connection.scalar(select(func.count()).select_from(partition_key_changes)) or 0


def next_change(connection: Connection, leave_out: Collection[UUID]) -> UUID | None:
    """The aggregate whose change has waited longest, locked until the transaction ends; None without any.

    What another transaction is writing or moving is left out, and what `leave_out` has.
    """
    changes = partition_key_changes.c
    waiting = (
        select(changes.aggregate_id)
        .join(aggregates, aggregates.c.aggregate_id == changes.aggregate_id)
        .where(changes.aggregate_id.not_in(sorted(leave_out)))
        .order_by(changes.created_at, changes.aggregate_id)
        .limit(1)
        # The aggregate, not the change: that is the order in which whoever appends takes its locks.
        .with_for_update(of=aggregates, skip_locked=True)
    )
    return connection.scalar(waiting)


def make_change(dialect: Dialect, connection: Connection, aggregate_id: UUID) -> bool:
    """Move the events of an aggregate to the key that it says. False when it does not say another one any more."""
    dialect.limit_statements(connection, _STATEMENT_SECONDS)
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
