"""Making and dropping a database."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from sequent_sa.configuration import normalise_url
from sequent_sa.dialects.postgresql.connections import check_server
from sequent_sa.exceptions import ConfigurationError

_SQLITE_FILES = ("", "-wal", "-shm", "-journal", "-replay", "-replay-wal", "-replay-shm")
_SQLITE_HEADER = b"SQLite format 3\x00"
_MAINTENANCE = "postgres"
_LOOK_AT_THE_URL = "look at DATABASE_URL and [tool.sequent.databases]"


def create_database(url: str) -> bool:
    """Create a database; False when it existed already.

    Raises `ConfigurationError` when the server cannot be reached, is too old, or refuses.
    """
    target = _target(url)
    if database_exists(url):
        return False
    if target.get_backend_name() == "sqlite":
        path = _file(target)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"the database {path} cannot be created: {error.strerror}") from error
    else:
        _maintain(target, f"CREATE DATABASE {_quoted(target)} ENCODING 'UTF8' TEMPLATE template0")
    return True


def drop_database(url: str) -> bool:
    """Drop a database and everything in it; False when there was none.

    On SQLite the files beside it are removed too. On PostgreSQL other sessions are ended.
    Raises `ConfigurationError` when the server cannot be reached or refuses, and for a file that is no database.
    """
    target = _target(url)
    if not database_exists(url):
        return False
    if target.get_backend_name() == "sqlite":
        _remove(_file(target))
    else:
        _maintain(target, f"DROP DATABASE {_quoted(target)} WITH (FORCE)")
    return True


def database_exists(url: str) -> bool:
    """Whether there is such a database. Raises `ConfigurationError` when the server cannot be reached."""
    target = _target(url)
    if target.get_backend_name() == "sqlite":
        return os.path.exists(_file(target))
    with _maintenance(target) as connection:
        found = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": target.database})
    return found is not None


def _remove(path: Path) -> None:
    try:
        with path.open("rb") as file:
            if file.read(len(_SQLITE_HEADER)) not in (b"", _SQLITE_HEADER):
                raise ConfigurationError(f"{path} is no database of SQLite, and stays where it is: {_LOOK_AT_THE_URL}")
        for suffix in _SQLITE_FILES:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the database {path} cannot be removed: {error.strerror}") from error


def _target(url: str) -> URL:
    try:
        target = make_url(normalise_url(url))
    except ArgumentError as error:
        raise ConfigurationError("the database URL cannot be read: write sqlite:///... or postgresql://...") from error
    if target.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigurationError(f"{target.drivername} is not supported: use postgresql+psycopg:// or sqlite:///")
    if not target.database or target.database == ":memory:":
        raise ConfigurationError("the database URL names no database: add the file, or the name behind the last slash")
    return target


def _file(target: URL) -> Path:
    return Path(str(target.database))


def _quoted(target: URL) -> str:
    return '"' + str(target.database).replace('"', '""') + '"'


def _maintain(target: URL, statement: str) -> None:
    with _maintenance(target) as connection:
        connection.exec_driver_sql(statement)


@contextmanager
def _maintenance(target: URL) -> Generator[Connection]:
    """A connection to the server's maintenance database, without transactions."""
    engine = create_engine(target.set(database=_MAINTENANCE), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    event.listen(engine, "connect", check_server)
    try:
        with engine.connect() as connection:
            yield connection
    except (OperationalError, ProgrammingError) as error:
        host = target.host or target.query.get("host") or "the local socket"
        reason = " ".join(str(error.orig).split())
        raise ConfigurationError(
            f"PostgreSQL at {host}, port {target.port or 5432}, cannot be asked for the database {target.database}: "
            f"{reason}; {_LOOK_AT_THE_URL}"
        ) from error
    finally:
        engine.dispose()
