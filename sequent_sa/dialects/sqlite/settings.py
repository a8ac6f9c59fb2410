"""Settings of SQLite under which the store is slower or less safe than it should be."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

_FULL = 2


def doubtful_settings(connection: Connection) -> Iterator[str]:
    """Each in a sentence that says what it means."""
    journal = _pragma(connection, "journal_mode")
    if journal not in ("wal", "memory"):
        yield f"journal_mode is {journal}, not wal: readers and the writer wait for each other (a network file system?)"
    if _pragma(connection, "foreign_keys") != 1:
        yield "foreign_keys is off: rows that refer to nothing are not refused"
    if _pragma(connection, "synchronous") != _FULL:
        yield "synchronous is not FULL: a power failure may lose what was committed"


def _pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()
