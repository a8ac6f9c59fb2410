"""The database transaction of a unit of work: begun late, written behind, closed always."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import Dialect
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.write import Write

logger = logging.getLogger(__name__)


class SQLTransaction:
    """A transaction that begins at the first access and sends its writes when something needs them, or at the end."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self._engine = engine
        self._dialect = dialect
        self._connection: Connection | None = None
        self._pending: list[Write] = []
        self._on_commit: list[Callable[[], object]] = []

    @property
    def connection(self) -> Connection:
        """The connection, its transaction begun."""
        if self._connection is None:
            connection = self._dialect.writing(self._engine)
            try:
                connection.begin()
            except DBAPIError as error:
                connection.close()
                self._fail(error)
            self._connection = connection
        return self._connection

    def write(self, write: Write) -> None:
        """Send a statement with the next burst."""
        self._pending.append(write)

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        self._on_commit.append(callback)

    def flush(self) -> Connection:
        """Send what is pending, in order. Raises what the failing write explains."""
        pending, self._pending = self._pending, []
        connection = self.connection
        for write in pending:
            try:
                connection.execute(write.statement, write.parameters)
            except DBAPIError as error:
                self._fail(error, write)
        return connection

    def commit(self) -> None:
        """Make everything permanent. Without any access to the database there is nothing to do."""
        if self._pending:
            self.flush()
        if self._connection is not None:
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

    def _close(self) -> None:
        assert self._connection is not None
        self._connection.close()
        self._connection = None

    def _fail(self, error: DBAPIError, write: Write | None = None) -> NoReturn:
        explained = self.explained(error)
        if explained is error and write is not None and write.explain is not None:
            explained = write.explain(self._dialect.failure(error), error.orig or error) or error
        if explained is error:
            raise error
        raise explained from error
