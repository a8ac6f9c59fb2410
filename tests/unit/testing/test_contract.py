"""The contract of event stores notices what is wrong with a store."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import Phase, settings

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import snapshot_versions
from sequent_sa.event_store.append import StreamAtVersion, StreamWithEvents
from sequent_sa.event_store.positions import EventBatch, EventPosition
from sequent_sa.event_store.snapshots import Outdated
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.testing import InMemoryEventStore
from sequent_sa.testing.contracts import StoreUnderTest, check_event_store
from sequent_sa.testing.in_memory_snapshots import InMemorySnapshotStore
from sequent_sa.testing.in_memory_transaction import InMemoryTransaction, in_memory


class WithoutVersions(InMemoryEventStore):
    """Numbers events itself, whatever their numbers are."""

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        known = in_memory(transaction).state().streams
        renumbered = [
            (
                stream,
                [
                    applied._replace(event=applied.event.evolve(sequence_number=number))
                    for number, applied in enumerate(
                        events, len(known[stream.aggregate_id].events) + 1 if stream.aggregate_id in known else 1
                    )
                ],
            )
            for stream, events in streams
        ]
        super().append(transaction, command, renumbered)


class WithoutKeys(InMemoryEventStore):
    """Lets everybody have every key."""

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        super().append(
            transaction, command, [(replace(stream, unique_keys=None), events) for stream, events in streams]
        )


class WithInclusiveUntil(InMemoryEventStore):
    """Loads what happened at the moment itself, too."""

    def load(
        self,
        transaction: Transaction,
        aggregate_ids: Collection[UUID],
        *,
        until: datetime | None = None,
        snapshots: bool = True,
        held: Collection[UUID] = (),
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        later = None if until is None else until.replace(microsecond=until.microsecond + 1)
        return super().load(transaction, aggregate_ids, until=later, snapshots=snapshots, held=held)


class Rereading(InMemoryEventStore):
    """Begins anew at every read."""

    def events_since(
        self,
        transaction: Transaction,
        after: EventPosition | None,
        types: Sequence[str] | None = None,
        limit: int = 1_000,
    ) -> EventBatch:
        return super().events_since(transaction, None, types, limit)


class ForgettingKeys(InMemoryEventStore):
    """Keeps what aggregates no longer claim."""

    def update_unique_keys(self, transaction: Transaction, streams: Sequence[StreamAtVersion]) -> None:
        super().update_unique_keys(transaction, [each for each in streams if each[0].unique_keys])


class KeepingDeleted(InMemoryEventStore):
    """Says that it deletes."""

    def delete_streams(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> Mapping[UUID, str]:
        streams = in_memory(transaction).state().streams
        return {id_: streams[id_].stream.aggregate_type for id_ in aggregate_ids if id_ in streams}


class KnowingNoRetirement(InMemoryEventStore):
    """Gives events of retired types, too."""

    def __init__(self, versions: Mapping[str, int], *, retired_events: Collection[str]) -> None:
        super().__init__(versions)


class _HandingOutTwice(InMemorySnapshotStore):
    def schedule(self, transaction: Transaction, limit: int, forgotten_before: datetime) -> Sequence[Outdated]:
        return super().schedule(transaction, limit, datetime.max.replace(tzinfo=UTC))


class HandingOutTwice(InMemoryEventStore):
    """Forgets at once who is at work."""

    def __init__(self, versions: Mapping[str, int], *, retired_events: Collection[str]) -> None:
        super().__init__(versions, retired_events=retired_events)
        self.snapshots = _HandingOutTwice(versions)


class _PostponingNobody(InMemorySnapshotStore):
    def postpone(self, transaction: Transaction, outdated: Outdated) -> None:
        in_memory(transaction)


class PostponingNobody(InMemoryEventStore):
    """Says that it postpones."""

    def __init__(self, versions: Mapping[str, int], *, retired_events: Collection[str]) -> None:
        super().__init__(versions, retired_events=retired_events)
        self.snapshots = _PostponingNobody(versions)


class _Forgiving(InMemoryTransaction):
    def commit(self) -> None:
        try:
            super().commit()
        except Exception:
            self.rollback()


class Forgiving(InMemoryEventStore):
    """Never says that it refused."""

    def begin(self) -> InMemoryTransaction:
        return _Forgiving(self._memory)


def opening(
    kind: Callable[..., InMemoryEventStore],
) -> Callable[[TypeNames], AbstractContextManager[StoreUnderTest]]:
    """How the contract opens a store."""

    @contextmanager
    def open_store(names: TypeNames) -> Generator[StoreUnderTest, None, None]:
        store = kind(snapshot_versions(names.aggregates), retired_events=names.retired_events)
        yield StoreUnderTest(store, store.begin)

    return open_store


@pytest.fixture
def _without_shrinking() -> Iterator[None]:
    """Any story will do, and it is the same each time: which of its mistakes a store shows first is chance."""
    settings.register_profile("any story", phases=[Phase.generate], derandomize=True)
    before = settings.get_current_profile_name()
    settings.load_profile("any story")
    yield
    settings.load_profile(before)


@pytest.mark.usefixtures("_without_shrinking")
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (WithoutVersions, "accepts what it must refuse: .*(OptimisticLockingError|SequenceNumberGap)|refuses with"),
        (WithoutKeys, "unique key|holder of|AggregateKeyNotUnique"),
        (WithInclusiveUntil, "events: expected|loaded streams"),
        (Rereading, "events: expected"),
        (ForgettingKeys, "accepts what it must refuse|holder of|unique keys|the store refuses with"),
        (KeepingDeleted, "exist|deleted|loaded|refuse|page|holder|events|number"),
        (KnowingNoRetirement, "Faded|loaded streams"),
        (HandingOutTwice, "handed out: expected"),
        (PostponingNobody, "handed out: expected"),
        (Forgiving, "accepts what it must refuse|can be committed"),
    ],
)
def test_a_store_that_is_wrong_is_found_out(broken: type[InMemoryEventStore], says: str) -> None:
    """Whatever it does wrong, one story shows it."""
    with pytest.raises(AssertionError) as found:
        check_event_store(opening(broken), examples=400)
    assert re.search(says, str(found.value))
