"""A transaction without a database: it sees what is committed and its own changes, and commits all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import BoundStatement
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import UnitOfWorkError
from sequent_sa.testing.in_memory_state import Change, State


class Memory:
    """What is committed, for all transactions."""

    def __init__(self) -> None:
        self.committed = State()
        self.lock = threading.Lock()


class InMemoryTransaction:
    """Keeps its changes to itself until it commits; then they are made anew, to what others have committed meanwhile.

    So of two transactions that append to one aggregate from the same version the second is refused, as by a database.
    It has no connection: there is no database.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()
        self._seen: State = self._memory.committed
        self._state: State = self._seen
        self._changes: list[Change] = []
        self._made = 0
        self._failure: BaseException | None = None
        self._on_commit: list[Callable[[], object]] = []
        self.unsent: dict[object, Any] = {}
        self.committed = False

    def change(self, change: Change) -> None:
        """Make a change, at the latest when this transaction commits."""
        self._refuse_after_failure()
        self._changes.append(change)

    def state(self) -> State:
        """What is committed, with the changes so far. Raises what the store has against them."""
        self._refuse_after_failure()
        if not self._changes:
            return self._memory.committed
        if self._seen is not self._memory.committed or self._made == 0:
            self._seen = self._memory.committed
            self._state, self._made = self._seen.copy(), 0
        try:
            for change in self._changes[self._made :]:
                change(self._state)
                self._made += 1
        except BaseException as error:
            self._failure = error
            raise
        return self._state

    def fetch(self, statement: BoundStatement, *, pending: bool = False) -> Sequence[Sequence[Any]]:
        """Raises `UnitOfWorkError`."""
        self._refuse()

    def reading(self) -> AbstractContextManager[Connection]:
        """Raises `UnitOfWorkError`."""
        self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise UnitOfWorkError(
            "this test runs without a database: test what reads or writes tables with the sequent_projector fixture, "
            "or give --sequent-database URL"
        )

    def write(self, write: Write, *, first: bool = False) -> None:
        """Raises `UnitOfWorkError`."""
        self._refuse()

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        self._on_commit.append(callback)

    def commit(self) -> None:
        """What was done stays. Raises what the store has against it."""
        with self._memory.lock:
            self._memory.committed = self.state()
        self.committed = True
        self._forget_changes()
        for callback in self._on_commit:
            callback()

    def explained(self, error: DBAPIError) -> Exception:
        """The error itself."""
        return error

    def rollback(self) -> None:
        """What was done is forgotten."""
        self._forget_changes()

    def _forget_changes(self) -> None:
        self._changes, self._made = [], 0

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise UnitOfWorkError(
                f"this transaction failed before ({self._failure}), so nothing of it can be committed: "
                "let that error reach the caller of execute_commands"
            ) from self._failure


def changing(transaction: Transaction, change: Change) -> None:
    """Make a change in a transaction of the store in memory."""
    in_memory(transaction).change(change)


def in_memory(transaction: Transaction) -> InMemoryTransaction:
    """A transaction as the store in memory knows it. Raises `UnitOfWorkError` for one of another store."""
    if not isinstance(transaction, InMemoryTransaction):
        raise UnitOfWorkError(f"the event store in memory needs its own transactions, not {transaction!r}")
    return transaction
