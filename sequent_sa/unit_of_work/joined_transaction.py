"""The transaction of a unit of work that takes part in one of the caller's."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from sequent_sa.dialects import BoundStatement, Dialect, PartOfTransaction
from sequent_sa.event_store.write import Write
from sequent_sa.unit_of_work.caller import Caller
from sequent_sa.unit_of_work.transactions import SQLTransaction


class JoinedTransaction(SQLTransaction):
    """Sends what is written, and leaves the commit to the caller.

    `atomic` says that there must be a savepoint, so that a failure undoes what was sent and no more than that. Without
    it there is one already.
    """

    def __init__(self, caller: Caller, dialect: Dialect, *, atomic: bool) -> None:
        driver: PartOfTransaction = (dialect.savepoint if atomic else dialect.part_of)(caller.connection)
        super().__init__(lambda: driver, dialect)
        self._caller = caller

    def write(self, write: Write, *, first: bool = False) -> None:
        """Send a statement with the next burst; `first` before all that are still to be sent."""
        self._caller.begin_savepoints()
        super().write(write, first=first)

    def fetch(self, statement: BoundStatement, *, pending: bool = False) -> Sequence[Sequence[Any]]:
        """Read rows; with `pending`, the writes so far go first, in the same flight."""
        self._caller.begin_savepoints()
        return super().fetch(statement, pending=pending)

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """For reading what the writes so far have changed, which are sent first."""
        self._caller.begin_savepoints()
        with super().reading() as connection:
            yield connection

    def commit(self) -> None:
        """Send what is pending; what waits for the commit waits for the caller's."""
        self._finish()
        self._caller.transaction.keep(self._on_commit, ())

    def send_pending(self) -> None:
        """Send what was written so far."""
        self._refuse_after_failure()
        self._send(commit=False)
        self._opened().begin()

    def forget_pending(self) -> None:
        """What was written and not sent, or failed, since a savepoint that is rolled back: all is as it was then."""
        self._pending.clear()
        self.unsent.clear()
        self._failure = None

    def abandon(self) -> None:
        """Touch nothing any more: the caller has ended the transaction, or rolled back to before this part of it."""
        self.forget_pending()
        self._driver = None
