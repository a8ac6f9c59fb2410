"""Settings of PostgreSQL under which the store is less safe than it should be."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

_DOUBTFUL = {
    ("fsync", "off"): "a power failure may destroy the database",
    ("full_page_writes", "off"): "a power failure may destroy the database",
    ("synchronous_commit", "off"): "a crash of the server may lose what was committed last",
    ("default_transaction_read_only", "on"): "nothing can be stored",
    ("server_encoding", "SQL_ASCII"): "nobody knows which characters a text has",
}
_FOUND = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names) ORDER BY name")


def doubtful_settings(connection: Connection) -> Iterator[str]:
    """Each in a sentence that says what it means."""
    for name, setting in connection.execute(_FOUND, {"names": [name for name, _ in _DOUBTFUL]}):
        meaning = _DOUBTFUL.get((name, setting))
        if meaning is not None:
            yield f"{name} is {setting}: {meaning}"
