"""What an event store does, told as a test: hold a store of your own to it."""

from sequent_sa.testing.contracts.event_store import check_event_store
from sequent_sa.testing.contracts.store_under_test import StoreUnderTest

__all__ = ["StoreUnderTest", "check_event_store"]
