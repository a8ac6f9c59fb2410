"""What the event store asks of the transaction that it works in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection

from sequent_sa.event_store.write import Write


class Transaction(Protocol):
    """One database transaction, begun at the first access."""

    def write(self, write: Write) -> None:
        """Send a statement with the next burst."""
        ...

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        ...

    def reading(self, *, pending: bool) -> AbstractContextManager[Connection]:
        """For reading; with `pending`, what is read includes the writes so far, which are sent first.

        An error of the database inside is explained, and ends the transaction: nothing can be committed any more.
        """
        ...
