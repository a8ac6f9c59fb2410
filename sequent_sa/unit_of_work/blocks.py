"""The blocks in which a unit of work is open. They are classes: generators would cost more than all that they do."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType

from sqlalchemy.exc import DBAPIError

from sequent_sa.unit_of_work.callers_transaction import run_after_rollback
from sequent_sa.unit_of_work.unit_of_work import CommittableTransaction, UnitOfWork
from sequent_sa.unit_of_work.unknown_outcome import say_unknown

_NONE: Mapping[int, UnitOfWork] = {}

open_units: ContextVar[Mapping[int, UnitOfWork]] = ContextVar("sequent_sa_units_of_work", default=_NONE)
"""The units of work that are open here, by the application that they are of."""


class Here:
    """Until the block ends, this is the unit of work that code of its application finds."""

    def __init__(self, key: int, unit: UnitOfWork) -> None:
        self._key = key
        self._unit = unit
        self._before = _NONE

    def __enter__(self) -> UnitOfWork:
        self._before = open_units.get()
        open_units.set({**self._before, self._key: self._unit})
        return self._unit

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._unit.ended = True
        # The block of a generator may be left in another context than it was entered in.
        now = open_units.get()
        if now.get(self._key) is self._unit:
            left = {key: unit for key, unit in now.items() if key != self._key}
            if self._key in self._before:
                left[self._key] = self._before[self._key]
            open_units.set(left)


class Completing(Here):
    """The same, and at the end it is committed, or rolled back when an exception leaves the block."""

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            super().__exit__(type_, error, traceback)
            self._undo(error)
            return
        try:
            try:
                self._complete(self._unit)
            finally:
                super().__exit__(None, None, None)
        except BaseException as failure:
            super().__exit__(None, None, None)  # Control-C may have come before it did so the first time
            self._undo(failure)
            raise

    @staticmethod
    def _complete(unit: UnitOfWork) -> None:
        unit.refuse_after_failure()
        unit.refuse_uncommitted()
        unit.transaction.commit()

    def _undo(self, error: BaseException) -> None:
        self._unit.transaction.rollback()
        raise_explained(self._unit.transaction, error)


class Opened(Completing):
    """The same, and then its hooks run, when no unit of work is open any more."""

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        unit = self._unit
        try:
            super().__exit__(type_, error, traceback)
        except BaseException as failure:
            # Control-C may come when the commit is through, or while nobody knows; then no hook runs at all.
            if unit.committed is None:
                say_unknown(failure, unit.aggregates)
            elif not unit.committed:
                run_after_rollback(unit.after_rollback)
            raise
        if error is not None:
            run_after_rollback(unit.after_rollback)
            return
        while unit.after_commit:
            unit.after_commit.popleft()()


def raise_explained(transaction: CommittableTransaction, error: BaseException) -> None:
    """Raise what an error of the database means, if that is more than it says itself."""
    if isinstance(error, DBAPIError):
        explained = transaction.explained(error)
        if explained is not error:
            raise explained from error
