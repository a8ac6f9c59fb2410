"""Stories about streams and their snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from sequent_sa import _clock
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.event_store.snapshots import Outdated
from sequent_sa.testing.contracts.comparison import same, same_snapshot
from sequent_sa.testing.contracts.domain import DIARY, DIARY_VERSION, IDS, OTHER_VERSION, type_of
from sequent_sa.testing.contracts.stream_machine import StreamMachine
from sequent_sa.testing.contracts.wishes import Wish, ids, moments, some_ids

_diaries = st.sampled_from([id_ for id_ in IDS if type_of(id_) == DIARY])
_versions = st.sampled_from([DIARY_VERSION, DIARY_VERSION, OTHER_VERSION])


class SnapshotMachine(StreamMachine):
    """Streams with snapshots, and which aggregates need one."""

    @initialize(first=moments, second=moments)
    def begin_with_diaries(self, first: datetime, second: datetime) -> None:
        """That need snapshots."""
        moments_of = dict(zip(filter(lambda id_: type_of(id_) == DIARY, IDS), (first, second), strict=True))
        self.append(
            what=[
                Wish(id_, 0, [1], "", moment, None, "", is_outdated=True, is_retired=False)
                for id_, moment in moments_of.items()
            ]
        )

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
        outdated = sorted(
            key[0]
            for key, need in self.model.snapshots.needs.items()
            if need.since is not None and self.model.is_declared(key)
        )
        expected = [each for each in outdated if after is None or each > after]
        same("page of outdated", expected[:limit], list(found))

    @rule(limit=st.integers(0, 3), are_forgotten=st.booleans())
    def hand_out(self, limit: int, are_forgotten: bool) -> None:
        """Those that have waited longest; with those at work there are not more than were asked for."""
        forgotten_before = datetime(2999 if are_forgotten else 2000, 1, 1, tzinfo=UTC)
        with self.changing() as transaction:
            found = self.store.snapshots.schedule(transaction, limit, forgotten_before)
        snapshots = self.model.snapshots
        known = {key: need for key, need in snapshots.needs.items() if self.model.is_declared(key)}
        at_work = {key for key, need in known.items() if need.handed_out and not are_forgotten}
        free = [key for key in snapshots.waiting() if key in known and key not in at_work]
        wanted = free[: max(limit - len(at_work), 0)]
        same("handed out", [Outdated(id_, DIARY, version) for id_, version in wanted], list(found))
        snapshots.change(wanted, lambda need: replace(need, handed_out=True))

    @rule(aggregate_id=_diaries)
    def postpone(self, aggregate_id: UUID) -> None:
        """Behind all others; nothing happens to whom nobody waits for."""
        with self.changing() as transaction:
            self.store.snapshots.postpone(transaction, Outdated(aggregate_id, DIARY, DIARY_VERSION))
        now = _clock.now()
        self.model.snapshots.change(
            [(aggregate_id, DIARY_VERSION)],
            lambda need: need if need.since is None else replace(need, since=now, handed_out=False),
        )

    @rule(which=some_ids)
    def mark(self, which: list[UUID]) -> None:
        """By hand; whose class has no snapshots is left out, and who was handed out is free again."""
        with self.changing() as transaction:
            self.store.snapshots.mark(transaction, which)
        keys = [(id_, DIARY_VERSION) for id_ in which if self.model.is_diary(id_)]
        self.model.snapshots.need(keys)
        self.model.snapshots.change(keys, lambda need: replace(need, handed_out=False))

    @rule(which=some_ids)
    def clear(self, which: list[UUID]) -> None:
        """Nothing is known of their snapshots any more."""
        with self.changing() as transaction:
            found = self.store.snapshots.clear(transaction, which)
        same("number of forgotten", self.model.snapshots.forget(lambda key: key[0] in which), found)

    @rule(moment=moments)
    def clear_unchanged(self, moment: datetime) -> None:
        """Also what is left of aggregates whose last event was long ago."""
        with self.changing() as transaction:
            found = self.store.snapshots.clear_unchanged_since(transaction, moment)
        expected = self.model.snapshots.forget(lambda key: not self.model.happened_since(key[0], moment))
        same(f"number of forgotten that did not change since {moment}", expected, found)

    @rule()
    def delete_all_snapshots(self) -> None:
        """Whatever had one needs a new one."""
        with self.changing() as transaction:
            found = self.store.snapshots.delete_all(transaction)
        same("number of removed", self.model.snapshots.drop_all(), found)

    @rule(aggregate_id=ids, number=st.integers(1, 6))
    def delete_old_snapshots(self, aggregate_id: UUID, number: int) -> None:
        """Of the version that the class declares; when none is left a new one is needed."""
        with self.changing() as transaction:
            found = self.store.snapshots.delete_below(transaction, aggregate_id, number)
        key = (aggregate_id, DIARY_VERSION)
        same("number of removed", self.model.snapshots.drop(key, number), found)
        if key in self.model.snapshots.needs and not self.model.snapshots.kept.get(key):
            self.model.snapshots.need([key])

    @rule()
    def delete_unknown(self) -> None:
        """Of versions that no class declares."""
        with self.changing() as transaction:
            found = self.store.snapshots.delete_unknown(transaction)
        same("number of forgotten", self.model.snapshots.forget(lambda key: not self.model.is_declared(key)), found)

    @rule()
    def register_versions(self) -> None:
        """Whose class has moved on to a new version needs a snapshot of that."""
        with self.changing() as transaction:
            found = self.store.snapshots.register_versions(transaction)
        needs = self.model.snapshots.needs
        new = {(id_, DIARY_VERSION) for id_, _ in needs if self.model.is_diary(id_)} - needs.keys()
        same("number of those that need one of the new version", len(new), found)
        self.model.snapshots.need(new)
