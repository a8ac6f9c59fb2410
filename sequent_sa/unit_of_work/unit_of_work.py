"""What belongs to one transaction, and whose it is."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.exceptions import HasUncommittedEvents, UnitOfWorkError
from sequent_sa.messages.event import Event
from sequent_sa.unit_of_work.failed_hooks import log_failed_hook

logger = logging.getLogger(__name__)

Hook = Callable[[], object]


class CommittableTransaction(Transaction, Protocol):
    """A transaction as its unit of work sees it."""

    def commit(self) -> None:
        """Make everything permanent."""
        ...

    def rollback(self) -> None:
        """Undo everything."""
        ...

    def explained(self, error: DBAPIError) -> Exception:
        """What an error of the database means to the user."""
        ...


def _owner() -> tuple[int, object]:
    try:
        task: object = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident(), task


@dataclass(slots=True, eq=False)
class UnitOfWork:
    """One transaction, the aggregates loaded in it, and what is to happen when it ends.

    `memo` is a place for what other parts keep for the length of this unit: the command queue, the events waiting
    to be published, the projector states. `repeatable` says that whoever opened it begins again when it turns out at
    its end that what was assumed at its beginning does not hold.
    """

    transaction: CommittableTransaction
    repeatable: bool = False
    owner: tuple[int, object] = field(default_factory=_owner)
    aggregates: dict[UUID, AggregateRoot] = field(default_factory=dict[UUID, AggregateRoot])
    event: Event | None = None
    failure: BaseException | None = None
    committed: bool = False
    memo: dict[object, Any] = field(default_factory=dict[object, Any])
    after_commit: deque[Hook] = field(default_factory=deque[Hook])
    after_rollback: deque[Hook] = field(default_factory=deque[Hook])

    @contextmanager
    def failing(self) -> Generator[None, None, None]:
        """What fails inside leaves aggregates changed, so that this unit of work can only be rolled back."""
        self.refuse_after_failure()
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise

    def refuse_after_failure(self) -> None:
        """Raise `UnitOfWorkError` when a command failed in this unit of work."""
        if self.failure is not None:
            raise UnitOfWorkError(
                f"a command failed in this unit of work ({self.failure}), so nothing of it can be committed: "
                "let the error leave the block, and begin again"
            ) from self.failure

    def refuse_uncommitted(self) -> None:
        """Raise `HasUncommittedEvents` when aggregates hold events that no command stored."""
        unsaved = [id_ for id_, aggregate in self.aggregates.items() if aggregate.uncommitted_events]
        if unsaved:
            raise HasUncommittedEvents(unsaved)

    @contextmanager
    def handling(self, event: Event) -> Generator[None, None, None]:
        """While an event is handled, commands are caused by it."""
        previous, self.event = self.event, event
        try:
            yield
        finally:
            self.event = previous


def _raise_explained(transaction: CommittableTransaction, error: BaseException) -> None:
    if isinstance(error, DBAPIError):
        explained = transaction.explained(error)
        if explained is not error:
            raise explained from error


_current: ContextVar[Mapping[int, UnitOfWork]] = ContextVar("sequent_sa_units_of_work")


class UnitsOfWork:
    """Opens units of work for one application, and finds the one that is open here."""

    def __init__(
        self,
        new_transaction: Callable[[], CommittableTransaction],
        new_reading: Callable[[], CommittableTransaction] | None = None,
    ) -> None:
        self._new_transaction = new_transaction
        self._new_reading = new_reading or new_transaction

    def find(self) -> UnitOfWork | None:
        """The unit of work of this thread and task, None when there is none."""
        unit = _current.get({}).get(id(self))
        return unit if unit is not None and unit.owner == _owner() else None

    def current(self) -> UnitOfWork:
        """The unit of work of this thread and task. Raises `UnitOfWorkError` when there is none, or it is another's."""
        unit = _current.get({}).get(id(self))
        if unit is None:
            raise UnitOfWorkError(
                "no unit of work is open: do this in a command handler, or inside `with app.unit_of_work():`"
            )
        if unit.owner != _owner():
            raise UnitOfWorkError(
                "this unit of work belongs to another thread or task: execute a command here, which opens its own"
            )
        return unit

    @contextmanager
    def open(self, *, repeatable: bool = False) -> Generator[UnitOfWork, None, None]:
        """Open a unit of work; commit at the end, or roll back when an exception leaves the block.

        Hooks run after the transaction ended, when no unit of work is open any more. Raises `HasUncommittedEvents`
        when events were applied that no command stored; then nothing is committed.
        """
        unit = UnitOfWork(self._new_transaction(), repeatable)
        token = _current.set({**_current.get({}), id(self): unit})
        try:
            try:
                yield unit
                unit.refuse_after_failure()
                unit.refuse_uncommitted()
                unit.transaction.commit()
                unit.committed = True
            finally:
                _current.reset(token)
        except BaseException as error:
            unit.transaction.rollback()
            self._run_after_rollback(unit)
            _raise_explained(unit.transaction, error)
            raise
        while unit.after_commit:
            unit.after_commit.popleft()()

    @contextmanager
    def undone(self) -> Generator[UnitOfWork, None, None]:
        """Open a unit of work that is always rolled back, once its writes were sent; its hooks never run."""
        unit = UnitOfWork(self._new_transaction())
        token = _current.set({**_current.get({}), id(self): unit})
        try:
            yield unit
            with unit.transaction.reading():
                logger.debug("undoing a unit of work that was not meant to stay")
        finally:
            _current.reset(token)
            unit.transaction.rollback()

    @contextmanager
    def reading(self) -> Generator[Transaction, None, None]:
        """The transaction of the open unit of work, or one that ends with the block and changes nothing."""
        unit = self.find()
        if unit is not None:
            yield unit.transaction
            return
        transaction = self._new_reading()
        try:
            yield transaction
        except DBAPIError as error:
            _raise_explained(transaction, error)
            raise
        finally:
            transaction.rollback()

    @staticmethod
    def _run_after_rollback(unit: UnitOfWork) -> None:
        for hook in unit.after_rollback:
            try:
                hook()
            except Exception as error:
                # The error that caused the rollback is the one to be seen.
                log_failed_hook("after-rollback", hook, error)
