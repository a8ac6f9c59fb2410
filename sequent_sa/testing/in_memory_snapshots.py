"""Snapshots without a database: the same rules as `SQLSnapshotStore`, in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.event_store.snapshots import Outdated
from sequent_sa.event_store.transaction import Transaction

_Key = tuple[UUID, int]
_UNKNOWN_NUMBER = 0


@dataclass(frozen=True, slots=True)
class _Tracked:
    outdated_at: datetime | None = None
    scheduled_at: datetime | None = None
    high_water_mark: int = _UNKNOWN_NUMBER


class Streams(Protocol):
    """What snapshots have to know about the streams they are of."""

    def find_event_stream(self, transaction: Transaction, aggregate_id: UUID) -> EventStream | None:
        """One stream, or None."""
        ...

    def last_changed(self, aggregate_id: UUID) -> datetime:
        """When the latest event of a stream was applied."""
        ...

    def on_rollback(self, transaction: Transaction, undo: Callable[[], object]) -> None:
        """Call back when the transaction is rolled back."""
        ...


class InMemorySnapshotStore:
    """Holds snapshots, and what is known of those that are needed. `versions` are the declared ones, by type name."""

    def __init__(self, streams: Streams, versions: Mapping[str, int]) -> None:
        self._streams = streams
        self._versions = versions
        self._tracked: dict[_Key, _Tracked] = {}
        self._snapshots: dict[_Key, dict[int, Snapshot]] = {}

    def note(self, transaction: Transaction, streams: Iterable[EventStream]) -> None:
        """Track what needs a snapshot, as appending does."""
        self._remember(transaction)
        for stream in streams:
            if stream.snapshot_version is not None and stream.snapshot_outdated_at is not None:
                self._outdate((stream.aggregate_id, stream.snapshot_version), stream.snapshot_outdated_at)

    def store(self, transaction: Transaction, snapshot: Snapshot) -> None:
        """Keep a snapshot, unless the aggregate is gone."""
        if self._streams.find_event_stream(transaction, snapshot.aggregate_id) is None:
            return
        self._remember(transaction)
        key = (snapshot.aggregate_id, snapshot.version)
        before = self._tracked.get(key, _Tracked()).high_water_mark
        self._tracked[key] = _Tracked(high_water_mark=max(before, snapshot.sequence_number))
        self._snapshots.setdefault(key, {})[snapshot.sequence_number] = snapshot

    def latest(self, transaction: Transaction, aggregate_id: UUID) -> Snapshot | None:
        """The newest of the declared version."""
        version = self._declared(transaction, aggregate_id)
        found = {} if version is None else self._snapshots.get((aggregate_id, version), {})
        return found[max(found)] if found else None

    def outdated(self, transaction: Transaction, after: UUID | None, limit: int) -> Sequence[UUID]:
        """A page of ids, in order."""
        ids = sorted(aggregate_id for aggregate_id, _ in self._waiting(transaction))
        return [each for each in ids if after is None or each > after][:limit]

    def schedule(self, transaction: Transaction, limit: int, forgotten_before: datetime) -> Sequence[Outdated]:
        """Hand out those that have waited longest."""
        self._remember(transaction)
        waiting = self._waiting(transaction)
        scheduled = {key: each.scheduled_at for key, each in waiting.items() if each.scheduled_at is not None}
        at_work = {key for key, moment in scheduled.items() if moment >= forgotten_before}
        free = sorted(
            (each.outdated_at, -each.high_water_mark, key) for key, each in waiting.items() if key not in at_work
        )
        found = [key for _, _, key in free[: max(limit - len(at_work), 0)]]
        for key in found:
            self._tracked[key] = replace(self._tracked[key], scheduled_at=_clock.now())
        return [Outdated(id_, self._type(transaction, id_), version) for id_, version in found]

    def postpone(self, transaction: Transaction, outdated: Outdated) -> None:
        """To the end of the line."""
        self._remember(transaction)
        key = (outdated.aggregate_id, outdated.version)
        if key in self._tracked:
            self._tracked[key] = replace(self._tracked[key], outdated_at=_clock.now(), scheduled_at=None)

    def mark(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> None:
        """Each needs a snapshot of its declared version."""
        self._remember(transaction)
        for aggregate_id in aggregate_ids:
            version = self._declared(transaction, aggregate_id)
            if version is not None:
                key = (aggregate_id, version)
                self._outdate(key, _clock.now())
                self._tracked[key] = replace(self._tracked[key], scheduled_at=None)

    def clear(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> int:
        """Forget all about aggregates."""
        return self._forget(transaction, [key for key in self._tracked if key[0] in aggregate_ids])

    def clear_unchanged_since(self, transaction: Transaction, moment: datetime) -> int:
        """Forget those without a later event."""
        return self._forget(transaction, [key for key in self._tracked if self._streams.last_changed(key[0]) < moment])

    def delete_all(self, transaction: Transaction) -> int:
        """All are outdated."""
        self._remember(transaction)
        found = sum(map(len, self._snapshots.values()))
        self._snapshots = {}
        for key in self._tracked:
            self._outdate(key, _clock.now())
        return found

    def delete_below(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> int:
        """Those of the declared version."""
        self._remember(transaction)
        version = self._declared(transaction, aggregate_id)
        if version is None:
            return 0
        key = (aggregate_id, version)
        before = self._snapshots.get(key, {})
        left = {number: each for number, each in before.items() if number >= sequence_number}
        self._snapshots[key] = left
        if not left and key in self._tracked:
            self._outdate(key, _clock.now())
        return len(before) - len(left)

    def delete_unknown(self, transaction: Transaction) -> int:
        """Forget versions that no class declares."""
        unknown = [key for key in self._tracked if key[1] != (self._declared(transaction, key[0]) or 1)]
        return self._forget(transaction, unknown)

    def register_versions(self, transaction: Transaction) -> int:
        """Track what is tracked for other versions."""
        self._remember(transaction)
        wanted = {(id_, self._declared(transaction, id_)) for id_, _ in self._tracked}
        new = [(id_, version) for id_, version in wanted if version is not None and (id_, version) not in self._tracked]
        for key in new:
            self._outdate(key, _clock.now())
        return len(new)

    def _outdate(self, key: _Key, moment: datetime) -> None:
        known = self._tracked.get(key, _Tracked())
        if known.outdated_at is None:
            self._tracked[key] = replace(known, outdated_at=moment, scheduled_at=None)

    def _waiting(self, transaction: Transaction) -> dict[_Key, _Tracked]:
        return {
            key: each
            for key, each in self._tracked.items()
            if each.outdated_at is not None and key[1] == self._declared(transaction, key[0])
        }

    def _type(self, transaction: Transaction, aggregate_id: UUID) -> str:
        stream = self._streams.find_event_stream(transaction, aggregate_id)
        return "" if stream is None else stream.aggregate_type

    def _declared(self, transaction: Transaction, aggregate_id: UUID) -> int | None:
        return self._versions.get(self._type(transaction, aggregate_id))

    def _forget(self, transaction: Transaction, keys: Collection[_Key]) -> int:
        self._remember(transaction)
        self._tracked = {key: each for key, each in self._tracked.items() if key not in keys}
        self._snapshots = {key: each for key, each in self._snapshots.items() if key not in keys}
        return len(keys)

    def _remember(self, transaction: Transaction) -> None:
        tracked = dict(self._tracked)
        snapshots = {key: dict(each) for key, each in self._snapshots.items()}

        def restore() -> None:
            self._tracked, self._snapshots = tracked, snapshots

        self._streams.on_rollback(transaction, restore)
