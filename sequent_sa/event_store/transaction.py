"""What the event store asks of the transaction that it works in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

from sequent_sa.event_store.write import Write


class Transaction(Protocol):
    """One database transaction, begun at the first access."""

    @property
    def connection(self) -> Connection:
        """For reading what does not depend on pending writes."""
        ...

    def write(self, write: Write) -> None:
        """Send a statement with the next burst."""
        ...

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        ...

    def flush(self) -> Connection:
        """Send the pending writes now; the connection is for reading what depends on them."""
        ...
