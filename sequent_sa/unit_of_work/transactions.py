"""The database transaction of a unit of work: begun late, written behind, closed always."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NoReturn

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import Dialect
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import UnitOfWorkError

logger = logging.getLogger(__name__)


class SQLTransaction:
    """A transaction that begins at the first access and sends its writes when something needs them, or at the end.

    Once the database refused a statement, nothing can be done but to roll back, whoever caught the error.
    """

    def __init__(self, connect: Callable[[], Connection], dialect: Dialect) -> None:
        self._connect = connect
        self._dialect = dialect
        self._connection: Connection | None = None
        self._pending: list[Write] = []
        self._on_commit: list[Callable[[], object]] = []
        self._failure: BaseException | None = None

    def write(self, write: Write) -> None:
        """Send a statement with the next burst."""
        self._refuse_after_failure()
        self._pending.append(write)

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        self._on_commit.append(callback)

    @contextmanager
    def reading(self, *, pending: bool) -> Generator[Connection, None, None]:
        """For reading; with `pending`, what is read includes the writes so far. Raises what an error means."""
        self._refuse_after_failure()
        if pending:
            self._flush()
        connection = self._begun()
        try:
            yield connection
        except DBAPIError as error:
            self._fail(error)

    def commit(self) -> None:
        """Make everything permanent. Without any access to the database there is nothing to do."""
        self._refuse_after_failure()
        if self._pending:
            self._flush()
        if self._connection is not None:
            if self._dialect.is_aborted(self._connection):
                raise UnitOfWorkError("a statement failed in this transaction, so nothing of it can be committed")
            try:
                self._connection.commit()
            except DBAPIError as error:
                self._fail(error)
            self._close()
        for callback in self._on_commit:
            callback()

    def rollback(self) -> None:
        """Undo everything, also when the connection is gone."""
        self._pending.clear()
        if self._connection is not None:
            try:
                self._connection.rollback()
            except DBAPIError:
                logger.warning("the connection broke before it could roll back", exc_info=True)
                self._connection.invalidate()
            self._close()

    def explained(self, error: DBAPIError) -> Exception:
        """What an error of the database means to the user; the error itself when that says it all."""
        return conflicts.general(self._dialect.failure(error), error.orig or error) or error

    def _begun(self) -> Connection:
        if self._connection is None:
            connection = self._connect()
            try:
                connection.begin()
            except BaseException as error:
                connection.close()
                if isinstance(error, DBAPIError):
                    self._fail(error)
                raise
            self._connection = connection
        return self._connection

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        connection = self._begun()
        for write in pending:
            try:
                connection.execute(write.statement, write.parameters)
            except DBAPIError as error:
                self._fail(error, write)

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise UnitOfWorkError(
                f"this transaction failed before ({self._failure}), so nothing of it can be committed: "
                "let that error reach the caller of execute_commands"
            ) from self._failure

    def _close(self) -> None:
        assert self._connection is not None
        self._connection.close()
        self._connection = None

    def _fail(self, error: DBAPIError, write: Write | None = None) -> NoReturn:
        explained = self.explained(error)
        if explained is error and write is not None and write.explain is not None:
            explained = write.explain(self._dialect.failure(error), error.orig or error) or error
        self._failure = explained
        if explained is error:
            raise error
        raise explained from error
