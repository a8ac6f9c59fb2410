"""Stories about streams: what is appended, loaded and deleted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.messages.event import Event
from sequent_sa.testing.contracts.comparison import same, same_events, same_snapshot
from sequent_sa.testing.contracts.model import readable
from sequent_sa.testing.contracts.story import OpenTransaction, Story
from sequent_sa.testing.contracts.wishes import Wish, ids, moments_or_none, some_ids, wishes

Loadable = tuple[Snapshot | None, list[Event], int]
"""A snapshot, the events since that are not of retired types, and the number of the latest event of any type."""


class StreamMachine(Story):
    """What every other story needs."""

    @rule(what=wishes)
    def append(self, what: list[Wish]) -> None:
        """In a transaction of its own."""
        opened = OpenTransaction(self.begin())
        if self.append_to(opened, what):
            self.commit_transaction(opened)

    @rule(which=some_ids, until=moments_or_none, snapshots=st.booleans())
    def load(self, which: list[UUID], until: datetime | None, snapshots: bool) -> None:
        """Many streams at once, whether they exist or not, also twice."""
        with self.reading() as transaction:
            loaded = self.store.load(transaction, which, until=until, snapshots=snapshots)
        found = {stream.aggregate_id: (stream, events) for stream, events in loaded}
        same("number of loaded streams", len(found), len(loaded))
        expected = {id_ for id_ in which if self._loadable(id_, until, snapshots)}
        same(f"ids of the loaded streams until {until}", expected, set(found))
        for aggregate_id, (stream, events) in found.items():
            snapshot, rest, latest = self._loadable(aggregate_id, until, snapshots) or (None, [], 0)
            same_events(rest, events)
            same_snapshot(snapshot, stream.snapshot)
            stored = self.model.streams[aggregate_id]
            described = (stored.aggregate_type, stored.partition_key, latest)
            same(
                "loaded stream", described, (stream.aggregate_type, stream.events_partition_key, stream.sequence_number)
            )

    def _loadable(self, aggregate_id: UUID, until: datetime | None, snapshots: bool) -> Loadable | None:
        stored = self.model.streams.get(aggregate_id)
        snapshot = self.model.latest_snapshot(aggregate_id) if snapshots and until is None else None
        events = [] if stored is None else stored.before(until)
        before = snapshot.sequence_number - 1 if snapshot else 0
        rest = readable(events[before:])
        return (snapshot, rest, max(len(events), before)) if rest or snapshot else None

    @rule(which=st.lists(ids, min_size=1, max_size=2))
    def delete(self, which: list[UUID]) -> None:
        """Whoever appends to what is gone is refused."""
        expected = {id_: each.aggregate_type for id_, each in self.model.streams.items() if id_ in which}
        with self.changing() as transaction:
            same("types of the deleted", expected, dict(self.store.delete_streams(transaction, which)))
        self.model.delete(which)
