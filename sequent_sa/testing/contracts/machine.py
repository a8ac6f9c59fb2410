"""Stories about streams: what is appended, read, changed and deleted."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import product
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.event_store.positions import EventPosition
from sequent_sa.testing.contracts.comparison import same, same_events
from sequent_sa.testing.contracts.domain import DIARY, IDS, NOTE, type_of
from sequent_sa.testing.contracts.model import Model, keys_of, readable
from sequent_sa.testing.contracts.story import OpenTransaction
from sequent_sa.testing.contracts.stream_machine import StreamMachine
from sequent_sa.testing.contracts.wishes import (
    KEYS,
    MOMENTS,
    SCOPES,
    UniqueKeys,
    Wish,
    ids,
    keys,
    moments_or_none,
    unique_keys,
    wishes,
)

_MOST_OPEN = 3


class EventStoreMachine(StreamMachine):
    """Streams, transactions side by side, unique keys, partition keys and positions."""

    # --- appending

    @precondition(lambda self: len(self.open) < _MOST_OPEN)
    @rule()
    def begin_transaction(self) -> None:
        """That stays open."""
        self.open.append(OpenTransaction(self.begin()))

    @precondition(lambda self: self.open)
    @rule(what=wishes, number=st.integers(0, _MOST_OPEN - 1))
    def append_in_open_transaction(self, what: list[Wish], number: int) -> None:
        """Others go on meanwhile."""
        opened = self.open[number % len(self.open)]
        if not self.append_to(opened, what):
            self.open.remove(opened)

    @precondition(lambda self: self.open)
    @rule(number=st.integers(0, _MOST_OPEN - 1))
    def commit(self, number: int) -> None:
        """Whoever comes second to an aggregate or a key is refused."""
        self.commit_transaction(self.open.pop(number % len(self.open)))

    @precondition(lambda self: self.open)
    @rule(number=st.integers(0, _MOST_OPEN - 1))
    def roll_back(self, number: int) -> None:
        """Nothing of it ever shows."""
        self.open.pop(number % len(self.open)).transaction.rollback()

    @rule(what=wishes)
    def look_at_own_writes(self, what: list[Wish]) -> None:
        """A transaction sees what it wrote; when it is rolled back nobody does any more."""
        opened = OpenTransaction(self.begin())
        if not self.append_to(opened, what):
            return
        expected, refusals = self.model.after(opened.changes)
        if not self.refused(opened, refusals, lambda: self.store.stream_exists(opened.transaction, IDS[0])):
            for wish in what:
                self.check_stream(opened.transaction, expected, wish.aggregate_id)
            opened.transaction.rollback()

    # --- reading

    @rule(aggregate_id=ids, until=moments_or_none)
    def stream_events(self, aggregate_id: UUID, until: datetime | None) -> None:
        """One by one."""
        stored = self.model.streams.get(aggregate_id)
        with self.reading() as transaction:
            actual = list(self.store.stream_events(transaction, aggregate_id, until=until))
        same_events([] if stored is None else readable(stored.before(until)), actual)

    @rule(aggregate_id=ids, number=st.integers(1, 4))
    def load_event(self, aggregate_id: UUID, number: int) -> None:
        """A single one."""
        stored = self.model.streams.get(aggregate_id)
        expected = [] if stored is None else readable(stored.events[number - 1 : number])
        with self.reading() as transaction:
            actual = self.store.load_event(transaction, aggregate_id, number)
        same_events(expected, [] if actual is None else [actual])

    @rule(aggregate_id=ids)
    def find_stream(self, aggregate_id: UUID) -> None:
        """With its keys."""
        with self.reading() as transaction:
            self.check_stream(transaction, self.model, aggregate_id)

    @rule(scope=st.sampled_from(SCOPES), key=keys)
    def find_by_unique_key(self, scope: str, key: dict[str, object]) -> None:
        """Whatever the order of its names."""
        (wanted,) = keys_of({scope: key})
        with self.reading() as transaction:
            found = self.store.find_by_unique_key(transaction, scope, key)
        same(f"holder of {scope} {key}", self.model.keys.get(wanted), found)

    @rule(
        types=st.sampled_from([None, [DIARY], [NOTE], [DIARY, NOTE], []]),
        after=st.none() | ids,
        limit=st.integers(1, 5),
    )
    def list_aggregates(self, types: list[str] | None, after: UUID | None, limit: int) -> None:
        """A page of ids, in order."""
        with self.reading() as transaction:
            found = self.store.aggregate_ids(transaction, types, after, limit)
        some = [id_ for id_ in self.model.streams if types is None or type_of(id_) in types]
        same("page of ids", sorted(id_ for id_ in some if after is None or id_ > after)[:limit], list(found))

    @rule(number=st.integers(0, 1), limit=st.integers(1, 4))
    def read_on(self, number: int, limit: int) -> None:
        """Each event comes once, in the order of commands, however the reader's portions are cut."""
        reader = self.readers[number]
        position = None if reader.position is None else EventPosition.parse(reader.position)
        with self.reading() as transaction:
            batch = self.store.events_since(transaction, position, reader.types, limit)
        reader.position = str(batch.position)
        rest = [
            (number, event)
            for number, event in self.model.log
            if number > reader.number
            and readable([event])
            and (reader.types is None or type(event).__type_name__ in reader.types)
        ]
        portion = rest[: min(max(len(batch.events), 1), limit)]
        same_events([event for _, event in portion], batch.events)
        if portion:
            reader.number = portion[-1][0]

    @rule(number=st.integers(0, 1))
    def read_from_now(self, number: int) -> None:
        """Behind all that there is."""
        with self.reading() as transaction:
            self.readers[number].position = str(self.store.position_mark(transaction))
        self.readers[number].number = self.model.logged

    @precondition(lambda self: self.model.streams)
    @rule()
    def look_at_everything(self) -> None:
        """As it was at every moment, and whoever holds any key."""
        for until in (None, *MOMENTS):
            self.load(which=IDS, until=until, snapshots=False)
        for aggregate_id in IDS:
            self.find_stream(aggregate_id=aggregate_id)
        for scope, key in product(SCOPES, KEYS):
            self.find_by_unique_key(scope=scope, key=key)

    # --- changing

    @precondition(lambda self: self.model.streams)
    @rule(
        which=st.lists(st.tuples(ids, unique_keys), min_size=1, max_size=2, unique_by=lambda each: each[0]),
        stale=st.booleans(),
    )
    def update_unique_keys(self, which: list[tuple[UUID, UniqueKeys]], stale: bool) -> None:
        """Those of aggregates as they are, unless they have moved on."""
        streams = [
            (EventStream(type_of(id_), id_, unique_keys=held), self.model.version(id_) - (1 if stale else 0))
            for id_, held in which
            if id_ in self.model.streams
        ]
        opened = OpenTransaction(self.begin(), [partial(Model.update_keys, streams=streams)])
        _, refusals = self.model.after(opened.changes)
        if not self.refused(
            opened, refusals, lambda: self.store.update_unique_keys(opened.transaction, streams), may=True
        ):
            self.commit_transaction(opened)

    @rule(limit=st.sampled_from([1, 9]))
    def update_partition_keys(self, limit: int) -> None:
        """What waits is done; it does not matter what comes first."""
        with self.changing() as transaction:
            moved = self.store.update_partition_keys(transaction, limit)
        same("number of moved aggregates", min(limit, len(self.model.partition_keys)), moved)
        with self.reading() as transaction:
            for aggregate_id, key in list(self.model.partition_keys.items()):
                stream = self.store.find_event_stream(transaction, aggregate_id)
                if stream is not None and stream.events_partition_key == key:
                    self.model.streams[aggregate_id].partition_key = key
                    del self.model.partition_keys[aggregate_id]
                    moved -= 1
        same("number of moved aggregates that are not where they should be", 0, moved)
