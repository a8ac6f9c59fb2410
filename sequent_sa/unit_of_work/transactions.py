"""The database transaction of a unit of work: begun late, written behind, closed always."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import BoundStatement, Dialect, DriverTransaction
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import UnitOfWorkError


class SQLTransaction:
    """A transaction that begins at the first access and sends its writes when something needs them, or at the end.

    Once the database refused a statement, nothing can be done but to roll back, whoever caught the error.
    """

    def __init__(self, open_: Callable[[], DriverTransaction], dialect: Dialect) -> None:
        self._open = open_
        self._dialect = dialect
        self._driver: DriverTransaction | None = None
        self._pending: list[Write] = []
        self._on_commit: list[Callable[[], object]] = []
        self._failure: BaseException | None = None
        self.unsent: dict[object, Any] = {}
        self._committed: bool | None = False

    @property
    def committed(self) -> bool | None:
        """Whether nothing can undo this any more, None when that is not known."""
        return self._committed if self._driver is None else self._driver.committed

    def write(self, write: Write, *, first: bool = False) -> None:
        """Send a statement with the next burst; `first` before all that are still to be sent."""
        self._refuse_after_failure()
        self._pending.insert(0 if first else len(self._pending), write)

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        self._on_commit.append(callback)

    def fetch(self, statement: BoundStatement, *, pending: bool = False) -> Sequence[Sequence[Any]]:
        """Read rows; with `pending`, the writes so far go first, in the same flight. Raises what an error means."""
        self._refuse_after_failure()
        writes = self._take() if pending else []
        try:
            return self._opened().fetch(statement, [write.bound() for write in writes])
        except BaseException as error:
            self._refused(error, writes)
            raise

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """For reading what the writes so far have changed, which are sent first. Raises what an error means."""
        self._refuse_after_failure()
        self._send(commit=False)
        try:
            yield self._opened().begin()
        except BaseException as error:
            self._refused(error)
            raise

    def commit(self) -> None:
        """Make everything permanent. Without any access to the database there is nothing to do."""
        self._finish()
        for callback in self._on_commit:
            callback()

    def rollback(self) -> None:
        """Undo everything, also when the connection is gone."""
        self._pending.clear()
        self.unsent.clear()
        if self._driver is not None:
            try:
                self._driver.rollback()
            finally:
                self._close()

    def explained(self, error: DBAPIError) -> Exception:
        """What an error of the database means to the user; the error itself when that says it all."""
        return conflicts.general(self._dialect.failure(error), error.orig or error) or error

    def _finish(self) -> None:
        self._refuse_after_failure()
        if self._pending or self._driver is not None:
            self._send(commit=True)
            self._close()

    def _opened(self) -> DriverTransaction:
        if self._driver is None:
            self._driver = self._open()
        return self._driver

    def _send(self, *, commit: bool) -> None:
        writes = self._take()
        if writes or commit:
            try:
                self._opened().send([write.bound() for write in writes], commit=commit)
            except BaseException as error:
                self._refused(error, writes)
                raise

    def _take(self) -> list[Write]:
        writes, self._pending = self._pending, []
        self.unsent.clear()
        return writes

    def _refused(self, error: BaseException, writes: Sequence[Write] = ()) -> None:
        if isinstance(error, DBAPIError):
            refused = self._driver.refused if self._driver is not None else None
            self._fail(error, writes[refused] if refused is not None and refused < len(writes) else None)
        if writes:
            self._failure = error  # they are lost

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise UnitOfWorkError(
                f"this transaction failed before ({self._failure}), so nothing of it can be committed: "
                "let that error reach the caller of execute_commands"
            ) from self._failure

    def _close(self) -> None:
        driver = self._driver
        if driver is not None:
            self._committed, self._driver = driver.committed, None
            driver.close()

    def _fail(self, error: DBAPIError, write: Write | None = None) -> NoReturn:
        explained = self.explained(error)
        # When the connection was lost no statement is to blame, and the COMMIT may have arrived.
        blames = explained is error and not error.connection_invalidated
        if blames and write is not None and write.explain is not None:
            explained = write.explain(self._dialect.failure(error), error.orig or error) or error
        self._failure = explained
        if explained is error:
            raise error
        raise explained from error
