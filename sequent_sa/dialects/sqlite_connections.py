"""How connections to SQLite are set up, and when their transactions take the write lock."""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

from sequent_sa._asynchronous import pause
from sequent_sa.exceptions import ConfigurationError

BUSY_SECONDS = 30.0
"""How long a transaction waits for the one writer before it fails."""

_BEGIN = "sequent_begin"
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


def begin_immediate(connection: Connection) -> Connection:
    """Make the transactions of a connection take the write lock at their beginning."""
    return connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


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


def _begin(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
        raise ConfigurationError(
            "an SQLite database in memory has one connection for each thread, and it is in use: end the session around "
            "this call first, or use a file (sqlite:///blog.db), which has as many connections as are needed"
        )
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
