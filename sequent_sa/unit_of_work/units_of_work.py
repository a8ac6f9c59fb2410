"""Opening units of work, and finding the one that is open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy.exc import DBAPIError

from sequent_sa.event_store.transaction import Transaction
from sequent_sa.exceptions import UnitOfWorkError
from sequent_sa.unit_of_work.blocks import Completing, Here, Opened, open_units, raise_explained
from sequent_sa.unit_of_work.caller import Caller
from sequent_sa.unit_of_work.unit_of_work import (
    CommittableTransaction,
    JoinedUnitOfWork,
    TransactionOfCaller,
    UnitOfWork,
    owner_here,
)

logger = logging.getLogger(__name__)


class UnitsOfWork:
    """Opens units of work for one application, and finds the one that is open here."""

    def __init__(
        self,
        new_transaction: Callable[[], CommittableTransaction],
        new_reading: Callable[[], CommittableTransaction] | None = None,
        join: Callable[[Caller, bool], TransactionOfCaller] | None = None,
    ) -> None:
        self._new_transaction = new_transaction
        self._new_reading = new_reading or new_transaction
        self._join = join

    def find(self) -> UnitOfWork | None:
        """The unit of work of this thread and task, None when there is none."""
        unit = self._latest()
        return unit if unit is not None and unit.owner == owner_here() else None

    def current(self) -> UnitOfWork:
        """The unit of work of this thread and task. Raises `UnitOfWorkError` when there is none, or it is another's."""
        unit = self.current_or_none()
        if unit is None:
            raise UnitOfWorkError(
                "no unit of work is open: do this in a command handler, or inside `with app.unit_of_work():`"
            )
        return unit

    def current_or_none(self) -> UnitOfWork | None:
        """Like `current`, but None when no unit of work is open. Raises `UnitOfWorkError` when it is another's."""
        unit = self._latest()
        if unit is not None and unit.owner != owner_here():
            raise UnitOfWorkError(
                "this unit of work belongs to another thread or task: execute a command here, which opens its own"
            )
        return unit

    def open(
        self, *, repeatable: bool = False, transaction: CommittableTransaction | None = None
    ) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work; commit at the end, or roll back when an exception leaves the block.

        Hooks run after the transaction ended, when no unit of work is open any more. Raises `HasUncommittedEvents`
        when events were applied that no command stored; then nothing is committed.
        """
        return Opened(id(self), UnitOfWork(transaction or self._new_transaction(), repeatable))

    @contextmanager
    def open_or_join(
        self, new_read_only: Callable[[], CommittableTransaction] | None = None
    ) -> Generator[UnitOfWork, None, None]:
        """The unit of work that is open here, which ends later, or a new one.

        Raises `UnitOfWorkError` for a new one that may only read inside of one that may write.
        """
        unit = self.find()
        if unit is None:
            with self.open(transaction=new_read_only() if new_read_only is not None else None) as new:
                new.read_only = new_read_only is not None
                yield new
            return
        if new_read_only is not None and not unit.read_only:
            raise UnitOfWorkError("a unit of work that may write is open here: begin to only read outside of it")
        with unit.failing():
            yield unit

    @contextmanager
    def execute_for(self, caller: Caller, *, repeatable: bool = False) -> Generator[UnitOfWork, None, None]:
        """Open a unit of work in the transaction of a caller; when it fails, what it wrote is undone.

        The caller does nothing with his session or connection inside: the savepoint goes with the first statements, and
        SQLAlchemy does not know of it.
        """
        with self._part_of(caller, repeatable=repeatable, atomic=True) as unit:
            yield unit

    @contextmanager
    def take_part(self, caller: Caller) -> Generator[UnitOfWork, None, None]:
        """The unit of work that is open here, if it is in this transaction, or one that is in it until the block ends.

        The caller may use his session or connection inside, savepoints included. When an exception leaves the block,
        all that was done in it is undone.
        """
        unit = self.find()
        if unit is not None:
            unit.refuse_other(caller)
            with unit.failing():
                yield unit
            return
        caller.begin_writing()
        with caller.savepoint(), self._part_of(caller, repeatable=False, atomic=False) as unit:
            yield unit

    @contextmanager
    def _part_of(self, caller: Caller, *, repeatable: bool, atomic: bool) -> Generator[UnitOfWork, None, None]:
        if self._join is None:
            raise UnitOfWorkError("nobody can take part in a transaction without a database")
        caller.flush()
        unit = JoinedUnitOfWork(self._join(caller, atomic), caller, repeatable=repeatable)
        caller.transaction.join(unit)
        try:
            with Completing(id(self), unit):
                yield unit
        except BaseException:
            caller.transaction.undone(unit.after_rollback)
            raise
        finally:
            caller.transaction.leave(unit)
        unit.hand_over_hooks()
        caller.expire(unit.handlers)

    def _latest(self) -> UnitOfWork | None:
        unit = open_units.get().get(id(self))
        # What is left in another context than it was entered in stays there.
        return unit if unit is not None and not unit.ended else None

    @contextmanager
    def undone(self) -> Generator[UnitOfWork, None, None]:
        """Open a unit of work that is always rolled back, once its writes were sent; its hooks never run."""
        unit = UnitOfWork(self._new_transaction())
        try:
            with Here(id(self), unit):
                yield unit
                with unit.transaction.reading():
                    logger.debug("undoing a unit of work that was not meant to stay")
        finally:
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
            raise_explained(transaction, error)
            raise
        finally:
            transaction.rollback()
