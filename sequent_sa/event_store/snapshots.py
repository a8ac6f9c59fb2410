"""Snapshots as they are stored, and which aggregates need a new one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import cast as as_text

from sequent_sa import _clock
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.dialects import Dialect, Statement
from sequent_sa.event_store.aggregate_events import SNAPSHOT_TYPE, declared_version
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.write import Write
from sequent_sa.tables import aggregate_types, aggregates, events, snapshot_records
from sequent_sa.tables import aggregates_that_need_snapshots as tracked

_KEY = ("aggregate_id", "snapshot_version")
_MARK = (*_KEY, "snapshot_outdated_at")
_TRACKED = (*_KEY, "snapshot_sequence_number_high_water_mark")
_SNAPSHOT = (*_KEY, "sequence_number", "created_at", "snapshot_type", "snapshot_json")
_VERSION_OF_NO_SNAPSHOTS = 1


class Outdated(NamedTuple):
    """An aggregate whose latest snapshot is too old, or missing."""

    aggregate_id: UUID
    aggregate_type: str
    version: int


class SnapshotStore(Protocol):
    """Where snapshots are kept.

    An aggregate is tracked, for each version, from the moment at which it first needed a snapshot of it. The declared
    version is the one that the aggregate's class reads in this application.
    """

    def store(self, transaction: Transaction, snapshot: Snapshot) -> None:
        """Keep a snapshot, in the place of one with the same number; the aggregate does not need one any more."""
        ...

    def latest(self, transaction: Transaction, aggregate_id: UUID) -> Snapshot | None:
        """The newest snapshot of the declared version."""
        ...

    def outdated(self, transaction: Transaction, after: UUID | None, limit: int) -> Sequence[UUID]:
        """The ids of at most `limit` aggregates that need a snapshot of the declared version, in order, behind one."""
        ...

    def schedule(self, transaction: Transaction, limit: int, forgotten_before: datetime) -> Sequence[Outdated]:
        """Hand out aggregates that need a snapshot, those that have waited longest first.

        Together with those that were handed out since `forgotten_before` and are not done yet they are at most `limit`.
        Aggregates that another transaction hands out at this moment are left out.
        """
        ...

    def postpone(self, transaction: Transaction, outdated: Outdated) -> None:
        """Put an aggregate that was handed out behind all others that wait, unless it has its snapshot by now."""
        ...

    def mark(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> None:
        """Say that aggregates need a snapshot of the declared version, whatever their threshold says."""
        ...

    def clear(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> int:
        """Remove the snapshots of aggregates, and track them no longer. Returns how many are tracked no longer."""
        ...

    def clear_unchanged_since(self, transaction: Transaction, moment: datetime) -> int:
        """`clear` for the aggregates that have no event at or after a moment."""
        ...

    def delete_all(self, transaction: Transaction) -> int:
        """Remove all snapshots; every tracked aggregate needs a new one. Returns how many there were."""
        ...

    def delete_below(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> int:
        """Remove the snapshots of the declared version below a number. Returns how many there were.

        When none of this version is left, the aggregate needs a new one.
        """
        ...

    def delete_unknown(self, transaction: Transaction) -> int:
        """Remove what was kept for versions that no class declares; a class without snapshots declares 1.

        Returns how many aggregates and versions are tracked no longer.
        """
        ...

    def register_versions(self, transaction: Transaction) -> int:
        """Have tracked aggregates need a snapshot of the declared version, unless they are tracked for it already.

        Returns how many there were.
        """
        ...


def snapshot_marks(mark: Statement, streams: Sequence[EventStream]) -> Iterator[Write]:
    """Note which of these aggregates need a snapshot."""
    rows: list[dict[str, object]] = [
        dict(zip(_MARK, (stream.aggregate_id, stream.snapshot_version, stream.snapshot_outdated_at), strict=True))
        for stream in streams
        if stream.snapshot_outdated_at is not None
    ]
    if rows:
        yield Write(mark, rows)


def mark_outdated(dialect: Dialect) -> Statement:
    """The statement that tracks an aggregate which needs a snapshot; since when it does so stays what it was."""
    values = {name: bindparam(name, type_=tracked.c[name].type) for name in _MARK}
    statement = dialect.insert(tracked).values(**values)
    return Statement(
        statement.on_conflict_do_update(
            index_elements=_KEY,
            set_={"snapshot_outdated_at": statement.excluded.snapshot_outdated_at},
            where=tracked.c.snapshot_outdated_at.is_(None),
        )
    )


class SQLSnapshotStore:
    """Snapshots in a database. `versions` are the declared ones, by the name of the aggregate's type."""

    def __init__(self, dialect: Dialect, versions: Mapping[str, int]) -> None:
        self._dialect = dialect
        self._declared = declared_version(versions)
        self._track = Statement(_track(dialect))
        self._store = Statement(_store(dialect))

    def store(self, transaction: Transaction, snapshot: Snapshot) -> None:
        row: dict[str, object] = {
            "aggregate_id": snapshot.aggregate_id,
            "snapshot_version": snapshot.version,
            "snapshot_sequence_number_high_water_mark": snapshot.sequence_number,
        }
        transaction.write(Write(self._track, row))
        values = (snapshot.aggregate_id, snapshot.version, snapshot.sequence_number, snapshot.created_at)
        row = dict(zip(_SNAPSHOT, (*values, SNAPSHOT_TYPE, snapshot.data), strict=True))
        transaction.write(Write(self._store, row))

    def latest(self, transaction: Transaction, aggregate_id: UUID) -> Snapshot | None:
        taken = snapshot_records.c
        wanted = select(
            aggregate_types.c.type,
            taken.snapshot_version,
            taken.sequence_number,
            taken.created_at,
            as_text(taken.snapshot_json, Text),
        )
        statement = (
            _with_type(wanted.select_from(snapshot_records), taken.aggregate_id)
            .where(taken.aggregate_id == aggregate_id, taken.snapshot_version == self._declared)
            .where(taken.snapshot_type == SNAPSHOT_TYPE)
            .order_by(taken.sequence_number.desc())
            .limit(1)
        )
        with transaction.reading() as connection:
            found = connection.execute(statement).one_or_none()
        return None if found is None else Snapshot(aggregate_id, *found)

    def outdated(self, transaction: Transaction, after: UUID | None, limit: int) -> Sequence[UUID]:
        statement = self._outdated(tracked.c.aggregate_id).order_by(tracked.c.aggregate_id).limit(limit)
        if after is not None:
            statement = statement.where(tracked.c.aggregate_id > after)
        with transaction.reading() as connection:
            return connection.scalars(statement).all()

    def schedule(self, transaction: Transaction, limit: int, forgotten_before: datetime) -> Sequence[Outdated]:
        scheduled_at = tracked.c.snapshot_scheduled_at
        at_work = self._outdated(func.count()).where(scheduled_at >= forgotten_before)
        waiting = (
            self._outdated(tracked.c.aggregate_id, aggregate_types.c.type, tracked.c.snapshot_version)
            .where(or_(scheduled_at.is_(None), scheduled_at < forgotten_before))
            .order_by(
                tracked.c.snapshot_outdated_at,
                tracked.c.snapshot_sequence_number_high_water_mark.desc().nulls_last(),
                tracked.c.aggregate_id,
            )
            .with_for_update(of=tracked, skip_locked=True)
        )
        with transaction.reading() as connection:
            left = max(limit - (connection.scalar(at_work) or 0), 0)
            found = [Outdated(*row) for row in connection.execute(waiting.limit(left))]
            for each in found:
                mine = (tracked.c.aggregate_id == each.aggregate_id) & (tracked.c.snapshot_version == each.version)
                connection.execute(update(tracked).where(mine).values(snapshot_scheduled_at=_clock.now()))
        return found

    def postpone(self, transaction: Transaction, outdated: Outdated) -> None:
        mine = (tracked.c.aggregate_id == outdated.aggregate_id) & (tracked.c.snapshot_version == outdated.version)
        waits = tracked.c.snapshot_outdated_at.is_not(None)
        with transaction.reading() as connection:
            connection.execute(
                update(tracked).where(mine, waits).values(snapshot_outdated_at=_clock.now(), snapshot_scheduled_at=None)
            )

    def mark(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> None:
        some = self._dialect.among(aggregates.c.aggregate_id)
        statement = self._dialect.insert(tracked).from_select(_MARK, self._declaring().where(some))
        earliest = func.coalesce(tracked.c.snapshot_outdated_at, statement.excluded.snapshot_outdated_at)
        statement = statement.on_conflict_do_update(
            index_elements=_KEY, set_={"snapshot_outdated_at": earliest, "snapshot_scheduled_at": None}
        )
        with transaction.reading() as connection:
            connection.execute(statement, self._ids(aggregate_ids))

    def clear(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> int:
        some = self._dialect.among(tracked.c.aggregate_id)
        with transaction.reading() as connection:
            return connection.execute(delete(tracked).where(some), self._ids(aggregate_ids)).rowcount

    def clear_unchanged_since(self, transaction: Transaction, moment: datetime) -> int:
        changed = (
            select(literal(1))
            .select_from(aggregates)
            .join(
                events,
                (events.c.partition_key == aggregates.c.events_partition_key)
                & (events.c.aggregate_id == aggregates.c.aggregate_id),
            )
            .where(aggregates.c.aggregate_id == tracked.c.aggregate_id, events.c.created_at >= moment)
        )
        with transaction.reading() as connection:
            return connection.execute(delete(tracked).where(~exists(changed))).rowcount

    def delete_all(self, transaction: Transaction) -> int:
        with transaction.reading() as connection:
            found = connection.execute(delete(snapshot_records)).rowcount
            connection.execute(_outdate(tracked.c.snapshot_outdated_at.is_(None)))
        return found

    def delete_below(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> int:
        taken = snapshot_records.c
        of_this = aggregates.c.aggregate_id == aggregate_id
        version = _with_type(select(self._declared), aggregates.c.aggregate_id).where(of_this).scalar_subquery()
        older = and_(
            taken.aggregate_id == aggregate_id,
            taken.snapshot_version == version,
            taken.sequence_number < sequence_number,
        )
        left = exists().where(taken.aggregate_id == aggregate_id, taken.snapshot_version == version)
        mine = and_(tracked.c.aggregate_id == aggregate_id, tracked.c.snapshot_version == version)
        with transaction.reading() as connection:
            found = connection.execute(delete(snapshot_records).where(older)).rowcount
            connection.execute(_outdate(mine & tracked.c.snapshot_outdated_at.is_(None) & ~left))
        return found

    def delete_unknown(self, transaction: Transaction) -> int:
        declared = _with_type(
            select(func.coalesce(self._declared, _VERSION_OF_NO_SNAPSHOTS)), aggregates.c.aggregate_id
        )
        of_this = declared.where(aggregates.c.aggregate_id == tracked.c.aggregate_id).scalar_subquery()
        with transaction.reading() as connection:
            return connection.execute(delete(tracked).where(tracked.c.snapshot_version != of_this)).rowcount

    def register_versions(self, transaction: Transaction) -> int:
        known = tracked.alias("known")
        is_tracked = exists().where(known.c.aggregate_id == aggregates.c.aggregate_id)
        wanted = self._declaring().where(is_tracked, ~is_tracked.where(known.c.snapshot_version == self._declared))
        statement = self._dialect.insert(tracked).from_select(_MARK, wanted).on_conflict_do_nothing()
        with transaction.reading() as connection:
            return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount

    def _outdated(self, *columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        wanted = _with_type(select(*columns).select_from(tracked), tracked.c.aggregate_id)
        return wanted.where(tracked.c.snapshot_outdated_at.is_not(None), tracked.c.snapshot_version == self._declared)

    def _declaring(self) -> Select[*tuple[Any, ...]]:
        now = literal(_clock.now(), tracked.c.snapshot_outdated_at.type)
        wanted = _with_type(select(aggregates.c.aggregate_id, self._declared, now), aggregates.c.aggregate_id)
        return wanted.where(self._declared.is_not(None)).order_by(aggregates.c.aggregate_id)

    def _ids(self, aggregate_ids: Collection[UUID]) -> dict[str, Any]:
        return dict(self._dialect.ids(sorted(set(aggregate_ids))))


def _with_type(wanted: Select[*tuple[Any, ...]], aggregate_id: ColumnElement[UUID]) -> Select[*tuple[Any, ...]]:
    if aggregate_id is not aggregates.c.aggregate_id:
        wanted = wanted.join(aggregates, aggregates.c.aggregate_id == aggregate_id)
    else:
        wanted = wanted.select_from(aggregates)
    return wanted.join(aggregate_types, aggregate_types.c.id == aggregates.c.aggregate_type_id)


def _outdate(which: ColumnElement[bool]) -> Any:
    return update(tracked).where(which).values(snapshot_outdated_at=_clock.now(), snapshot_scheduled_at=None)


def _track(dialect: Dialect) -> Executable:
    # Nothing is kept for an aggregate that was deleted since it was loaded.
    values = {name: bindparam(name, type_=tracked.c[name].type) for name in _TRACKED}
    present = select(*values.values()).where(exists().where(aggregates.c.aggregate_id == values["aggregate_id"]))
    statement = dialect.insert(tracked).from_select(_TRACKED, present)
    before, now = (each.snapshot_sequence_number_high_water_mark for each in (tracked.c, statement.excluded))
    return statement.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            "snapshot_sequence_number_high_water_mark": case((before > now, before), else_=now),
            "snapshot_outdated_at": None,
            "snapshot_scheduled_at": None,
        },
    )


def _store(dialect: Dialect) -> Executable:
    values = {name: bindparam(name, type_=snapshot_records.c[name].type) for name in _SNAPSHOT}
    present = select(*values.values()).where(exists().where(aggregates.c.aggregate_id == values["aggregate_id"]))
    statement = dialect.insert(snapshot_records).from_select(_SNAPSHOT, present)
    return statement.on_conflict_do_update(
        index_elements=(*_KEY, "sequence_number"),
        set_={name: statement.excluded[name] for name in ("created_at", "snapshot_type", "snapshot_json")},
    )
