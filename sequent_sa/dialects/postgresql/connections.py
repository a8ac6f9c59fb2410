"""What every connection to PostgreSQL must be like."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from sequent_sa.dialects.postgresql.replanning import replan
from sequent_sa.exceptions import ConfigurationError

_OLDEST = 15
_MAJOR = 10_000


def check_connection(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Set up a new connection.

    Raises `ConfigurationError` for an old server, for another isolation level, and for dates in another style; the
    connection is closed then.
    """
    check_server(connection, record)
    driver: Any = getattr(connection, "driver_connection", connection)
    try:
        replan(driver)
        _check_date_style(driver)
        _check_isolation(connection)
    except BaseException:
        connection.close()  # nobody else would
        raise


def _check_date_style(driver: Any) -> None:
    style = driver.info.parameter_status("DateStyle") or "ISO"
    if not style.startswith("ISO"):
        # The driver could write moments, and not read them.
        raise ConfigurationError(
            f"the event store needs the DateStyle ISO, the connection has {style}: remove DateStyle from the options "
            "of the engine, from PGDATESTYLE, and from the database or role, or connect with options=-cDateStyle=ISO"
        )


def _check_isolation(connection: DBAPIConnection) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("SHOW transaction_isolation")
        (level,) = cursor.fetchone() or ("unknown",)
    finally:
        cursor.close()
        connection.rollback()
    if level != "read committed":
        raise ConfigurationError(
            f"the event store needs the isolation level READ COMMITTED, the connection has {str(level).upper()}: "
            "remove isolation_level from the engine, and default_transaction_isolation from the database or role"
        )


def check_server(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """Raise `ConfigurationError` for a server that is too old."""
    driver: Any = getattr(connection, "driver_connection", connection)
    major, minor = divmod(driver.info.server_version, _MAJOR)
    if major < _OLDEST:
        connection.close()
        raise ConfigurationError(
            f"the event store needs PostgreSQL {_OLDEST} or later, this server is PostgreSQL {major}.{minor}: "
            "upgrade it, or use another one"
        )
