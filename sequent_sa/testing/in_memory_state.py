"""What an event store without a database holds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.messages.event import Event

TrackedKey = tuple[UUID, int]
"""An aggregate, and a version of snapshots."""

_UNKNOWN_NUMBER = 0


class StoredEvent(NamedTuple):
    """An event as a database has it: what it says is JSON text."""

    event_type: type[Event]
    sequence_number: int
    created_at: datetime
    data: str
    command_number: int


class StoredStream(NamedTuple):
    """An aggregate, and its events in order."""

    stream: EventStream
    events: tuple[StoredEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Tracked:
    """What is known of the snapshots of an aggregate."""

    outdated_at: datetime | None = None
    scheduled_at: datetime | None = None
    high_water_mark: int = _UNKNOWN_NUMBER


@dataclass(slots=True)
class State:
    """All that is stored. Its values never change, so that a copy is quickly made.

    `log` has the events as they were given, in the order in which their commands were stored.
    """

    streams: dict[UUID, StoredStream] = field(default_factory=dict[UUID, StoredStream])
    keys: dict[tuple[str, str], UUID] = field(default_factory=dict[tuple[str, str], UUID])
    partition_keys: dict[UUID, str] = field(default_factory=dict[UUID, str])
    log: list[Event] = field(default_factory=list[Event])
    commands: int = 0
    tracked: dict[TrackedKey, Tracked] = field(default_factory=dict[TrackedKey, Tracked])
    snapshots: dict[TrackedKey, dict[int, Snapshot]] = field(
        default_factory=dict[TrackedKey, dict[int, Snapshot]],
    )

    def copy(self) -> State:
        """The same, to be changed."""
        return State(
            dict(self.streams),
            dict(self.keys),
            dict(self.partition_keys),
            list(self.log),
            self.commands,
            dict(self.tracked),
            {key: dict(each) for key, each in self.snapshots.items()},
        )

    def outdate(self, keys: Collection[TrackedKey], moment: datetime) -> None:
        """Track aggregates that need a snapshot; since when they do so stays what it was."""
        for key in keys:
            known = self.tracked.get(key, Tracked())
            if known.outdated_at is None:
                self.tracked[key] = replace(known, outdated_at=moment, scheduled_at=None)

    def forget(self, keys: Collection[TrackedKey]) -> None:
        """Track aggregates no longer, and remove their snapshots of a version."""
        for key in keys:
            self.tracked.pop(key, None)
            self.snapshots.pop(key, None)

    def delete(self, aggregate_ids: Collection[UUID]) -> None:
        """Remove all of some aggregates, but what was logged."""
        for aggregate_id in aggregate_ids:
            self.streams.pop(aggregate_id, None)
            self.partition_keys.pop(aggregate_id, None)
        self.keys = {key: holder for key, holder in self.keys.items() if holder not in aggregate_ids}
        self.forget([key for key in self.tracked if key[0] in aggregate_ids])


Change = Callable[[State], object]
"""What a transaction does to a state. It may be done again, to a state that others have changed meanwhile."""
