"""What the event store must know of an aggregate besides its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class EventStream:
    """One aggregate as the event store sees it.

    `unique_keys` maps a scope to its key, None when the aggregate's class declares no unique keys; a stream
    that was loaded carries none. `partition_key_may_change` is False when the events are kept under this key already.
    """

    aggregate_type: str
    aggregate_id: UUID
    events_partition_key: str = ""
    unique_keys: Mapping[str, Mapping[str, object]] | None = field(default=None)
    partition_key_may_change: bool = False
