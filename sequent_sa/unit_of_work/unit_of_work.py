"""What belongs to one transaction, and whose it is."""

from __future__ import annotations

import asyncio
import threading
from asyncio import _get_running_loop  # pyright: ignore[reportPrivateUsage] (in its __all__)
from collections import deque
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.exceptions import HasUncommittedEvents, UnitOfWorkError
from sequent_sa.messages.event import Event
from sequent_sa.unit_of_work.caller import Caller
from sequent_sa.unit_of_work.callers_transaction import Hook


class CommittableTransaction(Transaction, Protocol):
    """A transaction as its unit of work sees it."""

    @property
    def committed(self) -> bool | None:
        """Whether nothing can undo this any more, None when that is not known."""
        ...

    def commit(self) -> None:
        """Make everything permanent."""
        ...

    def rollback(self) -> None:
        """Undo everything."""
        ...

    def explained(self, error: DBAPIError) -> Exception:
        """What an error of the database means to the user."""
        ...


class TransactionOfCaller(CommittableTransaction, Protocol):
    """A transaction that somebody else ends. Committing it means that nothing is pending any more."""

    def send_pending(self) -> None:
        """Send what was written so far."""
        ...

    def forget_pending(self) -> None:
        """Begin anew with nothing pending, after somebody else rolled back to a savepoint."""
        ...

    def abandon(self) -> None:
        """Touch nothing any more: somebody else has ended the transaction."""
        ...


def owner_here() -> tuple[int, object]:
    """This thread and task, to which a unit of work belongs that begins here."""
    # Where no loop runs, asking for the task raises, several times for each command.
    task = asyncio.current_task() if _get_running_loop() is not None else None
    return threading.get_ident(), task


@dataclass(slots=True, eq=False)
class UnitOfWork:
    """One transaction, the aggregates loaded in it, and what is to happen when it ends.

    `memo` is a place for what other parts keep for the length of this unit: the command queue, the events waiting
    to be published, the projector states. `repeatable` says that whoever opened it begins again when it turns out at
    its end that what was assumed at its beginning does not hold. `contended` are aggregates for which it lost a race
    before: others wait from when they are loaded. `executed` counts commands.
    """

    transaction: CommittableTransaction
    repeatable: bool = False
    contended: frozenset[UUID] = frozenset()
    owner: tuple[int, object] = field(default_factory=owner_here)
    aggregates: dict[UUID, AggregateRoot] = field(default_factory=dict[UUID, AggregateRoot])
    event: Event | None = None
    failure: BaseException | None = None
    ended: bool = False
    executing: int = 0
    executed: int = 0
    read_only: bool = False
    handlers: set[type] = field(default_factory=set[type])
    memo: dict[object, Any] = field(default_factory=dict[object, Any])
    after_commit: deque[Hook] = field(default_factory=deque[Hook])
    after_rollback: deque[Hook] = field(default_factory=deque[Hook])

    @property
    def committed(self) -> bool | None:
        """Whether what was done here is permanent, also where something went wrong afterwards; None if unknown."""
        return self.transaction.committed

    def failing(self) -> AbstractContextManager[None]:
        """What fails inside leaves aggregates changed, so that this unit of work can only be rolled back."""
        return _Failing(self)

    def fail(self, error: BaseException) -> None:
        """From now on this unit of work can only be rolled back."""
        self.failure = self.failure or error

    def refuse_after_failure(self) -> None:
        """Raise `UnitOfWorkError` when a command failed in this unit of work."""
        if self.failure is not None:
            raise UnitOfWorkError(
                f"something failed in this unit of work ({self.failure}), so nothing of it can be committed: "
                "let the error leave the block, and begin again"
            ) from self.failure

    def refuse_other(self, caller: Caller) -> None:
        """Raise `UnitOfWorkError` when a caller has another transaction than this one's."""
        raise UnitOfWorkError(
            "a unit of work with another transaction is open here, and it cannot have two: execute commands without a "
            "session, or outside of it"
        )

    def show(self) -> None:
        """Nobody else looks into this transaction."""

    def refuse_uncommitted(self) -> None:
        """Raise `HasUncommittedEvents` when aggregates hold events that no command stored."""
        unsaved = [id_ for id_, aggregate in self.aggregates.items() if aggregate.uncommitted_events]
        if unsaved:
            raise HasUncommittedEvents(unsaved)

    def handling(self, event: Event) -> AbstractContextManager[None]:
        """While an event is handled, commands are caused by it."""
        return _Handling(self, event)


class _Failing:
    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    def __enter__(self) -> None:
        self._unit.refuse_after_failure()
        self._unit.executing += 1

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._unit.executing -= 1
        if error is not None:
            self._unit.fail(error)


class _Handling:
    def __init__(self, unit: UnitOfWork, event: Event) -> None:
        self._unit = unit
        self._event = event

    def __enter__(self) -> None:
        self._before, self._unit.event = self._unit.event, self._event

    def __exit__(self, *_: object) -> None:
        self._unit.event = self._before


class JoinedUnitOfWork(UnitOfWork):
    """A unit of work in the transaction of a caller."""

    def __init__(self, transaction: TransactionOfCaller, caller: Caller, *, repeatable: bool) -> None:
        super().__init__(transaction, repeatable)
        self._part = transaction
        self.caller = caller

    def show(self) -> None:
        """Let the caller see what was written."""
        if self.failure is None:
            self._part.send_pending()
            self.caller.expire(self.handlers)

    def refuse_other(self, caller: Caller) -> None:
        """Raise `UnitOfWorkError` when a caller has another transaction than this one's."""
        if caller.transaction is not self.caller.transaction:
            super().refuse_other(caller)

    def hand_over_hooks(self) -> None:
        """From now on the caller's transaction decides which hooks run."""
        self.caller.transaction.keep(self.after_commit, self.after_rollback)
        self.after_commit.clear()
        self.after_rollback.clear()

    def about_to_begin_savepoint(self) -> None:
        """Send what is pending: it belongs before the savepoint."""
        self._part.send_pending()
        self.hand_over_hooks()

    def rolled_back(self, *, within: bool) -> None:
        """Forget what was done since a savepoint; without one, or in the middle of a command, nothing can go on."""
        self.caller.transaction.undone(self.after_rollback)
        self.after_commit.clear()
        self.after_rollback.clear()
        if not within:
            self._part.abandon()
        if within and not self.executing:
            self._part.forget_pending()
            self.aggregates.clear()
            self.memo.clear()
            self.failure = None
        else:
            self.failure = self.failure or UnitOfWorkError("the transaction was rolled back while it took part in it")
