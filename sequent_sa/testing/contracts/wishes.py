"""What the contract asks a store to do: mostly right, sometimes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from sequent_sa.aggregates.applied_event import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.event_store.append import StreamWithEvents
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.event import Event
from sequent_sa.testing.contracts.domain import DIARY, DIARY_VERSION, IDS, Counted, Faded, Said, type_of

MOMENTS = [datetime(2026, 3, 29, tzinfo=UTC) + timedelta(hours=hour, microseconds=hour) for hour in range(5)]
PARTITION_KEYS = ["", "Y26", "Y27"]
SCOPES = ["first", "second"]
KEYS: list[dict[str, object]] = [
    {"a": 1},
    {"a": 1.0, "b": None},
    {"a": True},
    {"a": 1, "b": "x"},
    {"b": "x", "a": 1},
    {"b": "X"},
]

UniqueKeys = Mapping[str, Mapping[str, object]]


class Wish(NamedTuple):
    """New events of one aggregate. `first` is how far the first number is off; `steps` lead to the further ones."""

    aggregate_id: UUID
    first: int
    steps: list[int]
    text: str
    created_at: datetime
    unique_keys: UniqueKeys | None
    partition_key: str
    is_outdated: bool
    is_retired: bool

    def stream(self, version: int) -> StreamWithEvents:
        """As it is handed to a store by somebody who knows an aggregate at a version."""
        numbers = accumulate(self.steps, initial=max(version + 1 + self.first, 1))
        events = [self._event(number) for number in numbers]
        has_snapshots = type_of(self.aggregate_id) == DIARY
        stream = EventStream(
            aggregate_type=type_of(self.aggregate_id),
            aggregate_id=self.aggregate_id,
            events_partition_key=self.partition_key,
            unique_keys=self.unique_keys,
            partition_key_may_change=True,
            snapshot_version=DIARY_VERSION if has_snapshots else None,
            snapshot_outdated_at=self.created_at if has_snapshots and self.is_outdated else None,
        )
        return stream, [AppliedEvent(event, encode_event(event)) for event in events]

    def _event(self, number: int) -> Event:
        if self.is_retired:
            return Faded(self.aggregate_id, number, self.created_at, text=self.text)
        if number % 2:
            return Said(self.aggregate_id, number, self.created_at, text=self.text)
        return Counted(self.aggregate_id, number, self.created_at, numbers=[number, len(self.text)])


ids = st.sampled_from(IDS)
some_ids = st.lists(ids, max_size=4)
moments = st.sampled_from(MOMENTS)
moments_or_none = st.none() | moments
keys = st.sampled_from(KEYS)
unique_keys = st.dictionaries(st.sampled_from(SCOPES), keys, max_size=2)


def _mostly(right: int, *wrong: int) -> st.SearchStrategy[int]:
    return st.sampled_from([right] * 8 + list(wrong))


_wishes = st.builds(
    Wish,
    ids,
    _mostly(0, -1, 1),
    st.lists(_mostly(1, 0, 2), max_size=2),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=3),
    moments,
    st.none() | unique_keys,
    st.sampled_from(PARTITION_KEYS),
    st.booleans(),
    st.sampled_from([False, False, True]),
)
wishes = st.lists(_wishes, min_size=1, max_size=2, unique_by=lambda wish: wish.aggregate_id)
