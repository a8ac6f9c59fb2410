"""Snapshots without a database: the same rules as `SQLSnapshotStore`, in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.event_store.snapshots import Outdated
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.testing.in_memory_state import State, Tracked, TrackedKey
from sequent_sa.testing.in_memory_transaction import changing, in_memory


class InMemorySnapshotStore:
    """Holds snapshots, and what is known of those that are needed. `versions` are the declared ones, by type name."""

    def __init__(self, versions: Mapping[str, int]) -> None:
        self._versions = versions

    def store(self, transaction: Transaction, snapshot: Snapshot) -> None:
        """Keep a snapshot, unless the aggregate is gone."""

        def keep(state: State) -> None:
            if snapshot.aggregate_id not in state.streams:
                return
            key = (snapshot.aggregate_id, snapshot.version)
            before = state.tracked.get(key, Tracked()).high_water_mark
            state.tracked[key] = Tracked(high_water_mark=max(before, snapshot.sequence_number))
            state.snapshots.setdefault(key, {})[snapshot.sequence_number] = snapshot

        changing(transaction, keep)

    def latest(self, transaction: Transaction, aggregate_id: UUID) -> Snapshot | None:
        """The newest of the declared version."""
        state = in_memory(transaction).state()
        version = self._declared(state, aggregate_id)
        found = {} if version is None else state.snapshots.get((aggregate_id, version), {})
        return found[max(found)] if found else None

    def outdated(self, transaction: Transaction, after: UUID | None, limit: int) -> Sequence[UUID]:
        """A page of ids, in order."""
        ids = sorted(aggregate_id for aggregate_id, _ in self._waiting(in_memory(transaction).state()))
        return [each for each in ids if after is None or each > after][:limit]

    def schedule(self, transaction: Transaction, limit: int, forgotten_before: datetime) -> Sequence[Outdated]:
        """Hand out those that have waited longest."""
        state = in_memory(transaction).state()
        waiting = self._waiting(state)
        scheduled = {key: each.scheduled_at for key, each in waiting.items() if each.scheduled_at is not None}
        at_work = {key for key, moment in scheduled.items() if moment >= forgotten_before}
        free = sorted(
            (each.outdated_at, -each.high_water_mark, key) for key, each in waiting.items() if key not in at_work
        )
        found = [key for _, _, key in free[: max(limit - len(at_work), 0)]]
        now = _clock.now()
        self._replace(transaction, found, lambda each: replace(each, scheduled_at=now))
        return [Outdated(id_, state.streams[id_].stream.aggregate_type, version) for id_, version in found]

    def postpone(self, transaction: Transaction, outdated: Outdated) -> None:
        """To the end of the line."""
        key = (outdated.aggregate_id, outdated.version)
        now = _clock.now()

        def wait(each: Tracked) -> Tracked:
            return each if each.outdated_at is None else replace(each, outdated_at=now, scheduled_at=None)

        self._replace(transaction, [key], wait)

    def mark(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> None:
        """Each needs a snapshot of its declared version."""
        versions = {id_: self._declared(in_memory(transaction).state(), id_) for id_ in aggregate_ids}
        keys = [(id_, version) for id_, version in versions.items() if version is not None]
        self._outdate(transaction, keys)
        self._replace(transaction, keys, lambda each: replace(each, scheduled_at=None))

    def clear(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> int:
        """Forget all about aggregates."""
        tracked = in_memory(transaction).state().tracked
        return self._forget(transaction, [key for key in tracked if key[0] in aggregate_ids])

    def clear_unchanged_since(self, transaction: Transaction, moment: datetime) -> int:
        """Forget those without a later event."""
        state = in_memory(transaction).state()
        changed = {
            id_ for id_, (_, stored) in state.streams.items() if any(each.created_at >= moment for each in stored)
        }
        return self._forget(transaction, [key for key in state.tracked if key[0] not in changed])

    def delete_all(self, transaction: Transaction) -> int:
        """All are outdated."""
        state = in_memory(transaction).state()
        found = sum(map(len, state.snapshots.values()))
        changing(transaction, lambda state: state.snapshots.clear())
        self._outdate(transaction, list(state.tracked))
        return found

    def delete_below(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> int:
        """Those of the declared version."""
        state = in_memory(transaction).state()
        version = self._declared(state, aggregate_id)
        if version is None:
            return 0
        key = (aggregate_id, version)
        before = state.snapshots.get(key, {})
        left = {number: each for number, each in before.items() if number >= sequence_number}
        changing(transaction, lambda state: state.snapshots.update({key: left}))
        if not left and key in state.tracked:
            self._outdate(transaction, [key])
        return len(before) - len(left)

    def delete_unknown(self, transaction: Transaction) -> int:
        """Forget versions that no class declares."""
        state = in_memory(transaction).state()
        return self._forget(
            transaction, [key for key in state.tracked if key[1] != (self._declared(state, key[0]) or 1)]
        )

    def register_versions(self, transaction: Transaction) -> int:
        """Track what is tracked for other versions."""
        state = in_memory(transaction).state()
        wanted = {(id_, self._declared(state, id_)) for id_, _ in state.tracked}
        new = [(id_, version) for id_, version in wanted if version is not None and (id_, version) not in state.tracked]
        self._outdate(transaction, new)
        return len(new)

    def _waiting(self, state: State) -> dict[TrackedKey, Tracked]:
        return {
            key: each
            for key, each in state.tracked.items()
            if each.outdated_at is not None and key[1] == self._declared(state, key[0])
        }

    def _declared(self, state: State, aggregate_id: UUID) -> int | None:
        found = state.streams.get(aggregate_id)
        return None if found is None else self._versions.get(found.stream.aggregate_type)

    @staticmethod
    def _outdate(transaction: Transaction, keys: Collection[TrackedKey]) -> None:
        moment = _clock.now()
        changing(transaction, lambda state: state.outdate(keys, moment))

    @staticmethod
    def _replace(transaction: Transaction, keys: Collection[TrackedKey], by: Callable[[Tracked], Tracked]) -> None:
        changing(
            transaction,
            lambda state: state.tracked.update({key: by(state.tracked[key]) for key in keys if key in state.tracked}),
        )

    @staticmethod
    def _forget(transaction: Transaction, keys: Collection[TrackedKey]) -> int:
        changing(transaction, lambda state: state.forget(keys))
        return len(keys)
