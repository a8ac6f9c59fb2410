"""What the contract gets to see of a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sequent_sa.event_store.event_store import EventStore
from sequent_sa.unit_of_work.unit_of_work import CommittableTransaction


@dataclass(frozen=True)
class StoreUnderTest:
    """An event store that is empty, and how a transaction on it begins."""

    store: EventStore
    begin: Callable[[], CommittableTransaction]
