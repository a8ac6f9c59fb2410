"""Stories about streams and their snapshots."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.testing.contracts.comparison import same, same_snapshot
from sequent_sa.testing.contracts.domain import DIARY, DIARY_VERSION, IDS, OTHER_VERSION, type_of
from sequent_sa.testing.contracts.machine import EventStoreMachine
from sequent_sa.testing.contracts.wishes import ids, moments, some_ids

_diaries = st.sampled_from([id_ for id_ in IDS if type_of(id_) == DIARY])
_versions = st.sampled_from([DIARY_VERSION, DIARY_VERSION, OTHER_VERSION])


class SnapshotMachine(EventStoreMachine):
    """Streams with snapshots, and which aggregates need one."""

    @precondition(lambda self: self.model.streams)
    @rule(aggregate_id=_diaries, version=_versions, number=st.integers(1, 4), taken_at=moments)
    def keep_snapshot(self, aggregate_id: UUID, version: int, number: int, taken_at: datetime) -> None:
        """Of the first events, or all; nothing is kept of what is not there."""
        last = min(number, self.model.version(aggregate_id))
        data = f'{{"state": "{{\\"b\\": {last}, \\"a\\": 1}}"}}'
        snapshot = Snapshot(aggregate_id, DIARY, version, last + 1, taken_at, data)
        with self.changing() as transaction:
            self.store.snapshots.store(transaction, snapshot)
        self.model.take(snapshot)

    @rule(aggregate_id=ids)
    def latest_snapshot(self, aggregate_id: UUID) -> None:
        """Of the version that the class declares."""
        with self.reading() as transaction:
            found = self.store.snapshots.latest(transaction, aggregate_id)
        same_snapshot(self.model.latest_snapshot(aggregate_id), found)

    @rule(after=st.none() | ids, limit=st.integers(1, 4))
    def list_outdated(self, after: UUID | None, limit: int) -> None:
        """A page of those that need a snapshot, in order."""
        with self.reading() as transaction:
            found = self.store.snapshots.outdated(transaction, after, limit)
        expected = [each for each in self.model.outdated() if after is None or each > after]
        same("page of outdated", expected[:limit], list(found))

    @rule(which=some_ids)
    def mark(self, which: list[UUID]) -> None:
        """By hand; whose class has no snapshots is left out."""
        with self.changing() as transaction:
            self.store.snapshots.mark(transaction, which)
        self.model.tracked.update({(id_, DIARY_VERSION): True for id_ in which if self.model.is_diary(id_)})

    @rule(which=some_ids)
    def clear(self, which: list[UUID]) -> None:
        """Nothing is known of their snapshots any more."""
        with self.changing() as transaction:
            found = self.store.snapshots.clear(transaction, which)
        same("number of forgotten", self.model.forget_snapshots(which), found)

    @rule()
    def delete_all_snapshots(self) -> None:
        """Whatever had one needs a new one."""
        with self.changing() as transaction:
            found = self.store.snapshots.delete_all(transaction)
        same("number of removed", self.model.drop_snapshots(list(self.model.snapshots)), found)
        self.model.tracked = dict.fromkeys(self.model.tracked, True)

    @rule(aggregate_id=ids, number=st.integers(1, 6))
    def delete_old_snapshots(self, aggregate_id: UUID, number: int) -> None:
        """Of the version that the class declares; when none is left a new one is needed."""
        with self.changing() as transaction:
            found = self.store.snapshots.delete_below(transaction, aggregate_id, number)
        old = [each for each in self.model.snapshot_numbers(aggregate_id) if each < number]
        same(
            "number of removed", self.model.drop_snapshots([(aggregate_id, DIARY_VERSION, each) for each in old]), found
        )
        key = (aggregate_id, DIARY_VERSION)
        if self.model.is_diary(aggregate_id) and key in self.model.tracked:
            self.model.tracked[key] |= not self.model.snapshot_numbers(aggregate_id)
