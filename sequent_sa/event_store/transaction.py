"""What the event store asks of the transaction that it works in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection

from sequent_sa.dialects import BoundStatement
from sequent_sa.event_store.write import Write


class Transaction(Protocol):
    """One database transaction, begun at the first write.

    An error of the database is explained, and ends the transaction: nothing can be committed any more.
    """

    unsent: dict[object, Any]
    """A place to find writes that may still be changed; it is emptied when they are sent."""

    def write(self, write: Write, *, first: bool = False) -> None:
        """Send a statement with the next burst; `first` before all that are still to be sent."""
        ...

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        ...

    def fetch(self, statement: BoundStatement, *, pending: bool = False) -> Sequence[Sequence[Any]]:
        """Read rows; with `pending`, the writes so far are sent first."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """For reading what the writes so far have changed, which are sent first."""
        ...
