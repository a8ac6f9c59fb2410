"""What the event store must know of an aggregate besides its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sequent_sa.aggregates.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class EventStream:
    """One aggregate as the event store sees it.

    `unique_keys` maps a scope to its key, None when the aggregate's class declares no unique keys; a stream
    that was loaded carries none. `partition_key_may_change` is False when the events are kept under this key already.
    `snapshot_version` is None for a class without snapshots; `snapshot_outdated_at` the moment at which a new one was
    found to be needed, None when none is. A stream that was loaded has the `snapshot` that stands for its first
    events, if there is one, and the `sequence_number` of its latest event, which may be one of a retired type.
    """

    aggregate_type: str
    aggregate_id: UUID
    events_partition_key: str = ""
    unique_keys: Mapping[str, Mapping[str, object]] | None = field(default=None)
    partition_key_may_change: bool = False
    snapshot_version: int | None = None
    snapshot_outdated_at: datetime | None = None
    snapshot: Snapshot | None = None
    sequence_number: int = 0
