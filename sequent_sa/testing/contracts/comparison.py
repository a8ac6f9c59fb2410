"""Whether what a store gives is what was put into it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.messages.event import Event


def same(what: str, expected: object, actual: object) -> None:
    """Raise `AssertionError` unless they are equal. `what` says whatever it is that the store has."""
    if expected != actual:
        raise AssertionError(f"{what}: expected {expected!r}, the store has {actual!r}")


def same_events(expected: Sequence[Event], actual: Sequence[Event]) -> None:
    """Events are equal in all that they say, and when they happened. Raises `AssertionError`."""
    same("events", *([(each, each.created_at) for each in events] for events in (expected, actual)))


def same_snapshot(expected: Snapshot | None, actual: Snapshot | None) -> None:
    """Snapshots are equal; how their JSON is written does not matter. Raises `AssertionError`."""
    same("snapshot", _comparable(expected), _comparable(actual))


def _comparable(snapshot: Snapshot | None) -> object:
    if snapshot is None:
        return None
    header = (snapshot.aggregate_id, snapshot.aggregate_type, snapshot.version, snapshot.sequence_number)
    return (*header, snapshot.created_at, json.loads(snapshot.data))
