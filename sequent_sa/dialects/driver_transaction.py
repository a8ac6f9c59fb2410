"""A transaction that is talked to through the driver, on a connection that SQLAlchemy pools."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sequent_sa.dialects.statement import BoundStatement, CompiledStatement, schemas_of
from sequent_sa.exceptions import ConfigurationError

logger = logging.getLogger(__name__)

Sendable = tuple[int, str, Any]
"""One execution: which of the statements it belongs to, its text, and the parameters for the driver."""


class DriverTransaction(Protocol):
    """One database transaction, from its first statement to its end. SQLAlchemy's events do not see what is sent.

    Errors are those of SQLAlchemy; `refused` says which of the statements that were sent together caused the last one.
    `committed` says whether it ended well: None from before the commit, or release, is sent until its answer is read.
    """

    refused: int | None
    committed: bool | None

    def begin(self) -> Connection:
        """Begin the transaction unless that has happened; returns the connection, for what goes through SQLAlchemy."""
        ...

    def fetch(self, statement: BoundStatement, before: Sequence[BoundStatement] = ()) -> Sequence[Sequence[Any]]:
        """Read rows, after other statements that go in the same flight."""
        ...

    def send(self, statements: Sequence[BoundStatement], *, commit: bool) -> None:
        """Send statements, and the commit, in as few flights as there can be."""
        ...

    def rollback(self) -> None:
        """Undo everything, also when the connection is gone."""
        ...

    def close(self) -> None:
        """Give the connection back to its pool."""
        ...


class PartOfTransaction(DriverTransaction, Protocol):
    """What is done in the transaction of a connection that is somebody else's: it stays open and is not given back."""

    def lock(self) -> None:
        """Become the one who writes, where there can be but one."""
        ...


def sendable(connection: Connection, statements: Sequence[BoundStatement]) -> list[Sendable]:
    """All executions of some statements, with their parameters worked out, before the first is sent."""
    result: list[Sendable] = []
    debugging = logger.isEnabledFor(logging.DEBUG)
    dialect, schemas = connection.dialect, schemas_of(connection)
    for index, (statement, parameters) in enumerate(statements):
        compiled = statement.compiled_for(dialect, schemas)
        if debugging:
            logger.debug("sending %s", compiled.text, extra={"statement": compiled.text})
        if parameters is None or isinstance(parameters, Mapping):
            result.append((index, compiled.text, compiled.values(parameters or {})))
        else:
            result.extend((index, compiled.text, compiled.values(values)) for values in parameters)
    return result


def refuse(connection: Connection, text: str | None, error: Exception) -> NoReturn:
    """Raise what the driver said as SQLAlchemy would, and give up connections that are dead."""
    dialect = connection.dialect
    driver_connection = connection.connection.dbapi_connection
    assert dialect.loaded_dbapi is not None
    lost = isinstance(error, dialect.loaded_dbapi.Error) and dialect.is_disconnect(error, driver_connection, None)
    wrapped = DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        _give_up(connection, error)
    raise wrapped from error


def _give_up(connection: Connection, error: BaseException) -> None:
    # The other connections of the pool are as old: each of them would fail once. SQLAlchemy sees to that when it finds
    # out itself. To dispose of the engine would leave open what other threads are using.
    with suppress(SQLAlchemyError):
        connection.exec_driver_sql("SELECT 1")
    if not connection.invalidated:
        connection.invalidate(error)


def fetch(connection: Connection, statement: BoundStatement) -> Sequence[Sequence[Any]]:
    """Read rows with a cursor of the driver."""
    ((_, text, values),) = sendable(connection, [statement])
    compiled: CompiledStatement = statement.statement.compiled(connection)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, values)
        return compiled.rows(cursor.fetchall(), cursor.description or ())
    except errors_of(connection) as error:
        refuse(connection, text, error)
    finally:
        cursor.close()


def roll_back(connection: Connection) -> None:
    """Roll back at the driver and for SQLAlchemy; a connection that breaks is thrown away."""
    if connection.invalidated:
        return
    try:
        connection.rollback()
        connection.connection.rollback()
    except (DBAPIError, errors_of(connection)) as error:
        log_broken("before it could roll back", error)
        connection.invalidate()


def log_broken(when: str, error: BaseException) -> None:
    """Warn that a connection broke. What was going on may be about values, so that it is for debugging only."""
    about = {"error": type(error).__name__}
    logger.warning("the connection broke %s (%s)", when, type(error).__name__, extra=about)
    logger.debug("how the connection broke", exc_info=error, extra=about)


def refuse_autocommit() -> NoReturn:
    """Raise `ConfigurationError`: nobody can take part in what is no transaction."""
    raise ConfigurationError(
        "this connection commits each statement by itself (AUTOCOMMIT), so there is no transaction to take part in: "
        "use one without this isolation level"
    )


def errors_of(connection: Connection) -> type[Exception]:
    """The errors that the driver raises."""
    assert connection.dialect.loaded_dbapi is not None
    return connection.dialect.loaded_dbapi.Error
