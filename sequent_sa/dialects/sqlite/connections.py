"""How connections to SQLite are set up, and when their transactions take the write lock."""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

from sequent_sa._asynchronous import pause
from sequent_sa.dialects.driver_transaction import errors_of, refuse
from sequent_sa.exceptions import ConcurrencyError, ConfigurationError

BUSY_SECONDS = 30.0
"""How long a transaction waits for the one writer before it fails."""

_BEGIN = "sequent_begin"
_READ_ONLY = "sequent_read_only"
IMMEDIATE = "BEGIN IMMEDIATE"
_WRITE_NOTHING = "DELETE FROM commands WHERE 0"
_CONFIGURED = "sequent_sa"
_NO_SCHEMAS = {"sequent_schema": None, "view_schema": None}


def configure(engine: Engine) -> Engine:
    """Set up every connection of an engine; the engine that is returned knows that SQLite has no schemas."""
    if engine.get_execution_options().get("schema_translate_map") == _NO_SCHEMAS:
        return engine  # configured before: a second listener would begin each transaction twice
    if not event.contains(engine, "checkout", _configure_connection):
        event.listen(engine, "checkout", _configure_connection)
        event.listen(engine, "begin", _begin)
    return engine.execution_options(schema_translate_map=_NO_SCHEMAS)


def read_only(engine: Engine) -> Engine:
    """An engine whose transactions cannot write."""
    return engine.execution_options(**{_READ_ONLY: True})


def begin_immediate(connection: Connection) -> Connection:
    """Make the transactions of a connection take the write lock at their beginning."""
    return connection.execution_options(**{_BEGIN: IMMEDIATE})


def become_writer(connection: Connection) -> None:
    """Take the write lock in a transaction that may have read before, and wait for it.

    A transaction that cannot have the lock at once has written nothing yet. So it begins anew: what it reads from then
    on is what is committed now, as under READ COMMITTED.
    Raises `ConcurrencyError` inside of a savepoint, which would be lost.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(_WRITE_NOTHING)
    except errors_of(connection) as error:
        if not is_busy(error):
            refuse(connection, _WRITE_NOTHING, error)
        if connection.in_nested_transaction():
            raise ConcurrencyError(
                "somebody else writes, or has written since this transaction began to read, and SQLite cannot let it "
                "write any more: roll it back and begin again, with the commands before the savepoint"
            ) from error
        _begin_anew(connection, cursor)
    finally:
        cursor.close()


def _begin_anew(connection: Connection, cursor: DBAPICursor) -> None:
    cursor.execute("ROLLBACK")
    try:
        cursor.execute(IMMEDIATE)
    except errors_of(connection) as error:
        cursor.execute("BEGIN")  # there is still a transaction for the caller to end
        refuse(connection, IMMEDIATE, error)


def is_busy(error: BaseException | None) -> bool:
    """Whether somebody else has the lock that a statement needs."""
    busy = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in busy


def is_configured(connection: Connection) -> bool:
    """Whether a connection is of an engine that was set up here."""
    return _CONFIGURED in connection.info


def looks_for_schemas(connection: Connection) -> bool:
    """Whether a connection would look for the schemas that SQLite does not have."""
    return connection.get_execution_options().get("schema_translate_map") != _NO_SCHEMAS


def _configure_connection(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    if _CONFIGURED in record.info:
        return
    # The driver must not begin transactions by itself: it would do so too late, and never for DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        _use_wal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()
    record.info[_CONFIGURED] = True


def _use_wal(cursor: DBAPICursor) -> None:
    # Switching a new file to WAL needs it alone and does not wait for the busy time-out.
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() >= give_up_at:
                raise
            pause(0.01)


def begin(connection: Connection, text: str) -> None:
    """Begin a transaction at the driver. SQLAlchemy, which would take longer than the database, knows nothing of it."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
        raise ConfigurationError(
            "an SQLite database in memory has one connection for each thread, and it is in use: end the session around "
            "this call first, or use a file (sqlite:///blog.db), which has as many connections as are needed"
        )
    reading = bool(connection.get_execution_options().get(_READ_ONLY))
    if reading != connection.info.get(_READ_ONLY, False):  # it stays with the driver's connection
        _run(connection, f"PRAGMA query_only = {int(reading)}")
        connection.info[_READ_ONLY] = reading
    _run(connection, text)


def commit(connection: Connection) -> None:
    """Commit what was begun at the driver."""
    try:
        connection.connection.commit()
    except errors_of(connection) as error:
        refuse(connection, None, error)


def hand_over(connection: Connection) -> None:
    """Let SQLAlchemy know of the transaction that was begun at the driver, and end it."""
    connection.execution_options(**{_BEGIN: None}).begin()


def _begin(connection: Connection) -> None:
    text: str | None = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if text is not None:
        begin(connection, text)


def _run(connection: Connection, text: str) -> None:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text)
    except errors_of(connection) as error:
        refuse(connection, text, error)
    finally:
        cursor.close()
