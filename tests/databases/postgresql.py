"""PostgreSQL databases, on one server for the whole test run."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.databases.database import Database, DatabaseName

_EMPTY = "template0"  # nobody can be connected to it, so that it can be copied at any moment


class PostgreSQLDatabases:
    """Makes databases called `sequent_test_...` on the server at `server_url`, whose user must be allowed to."""

    name: DatabaseName = "postgresql"

    def __init__(self, server_url: str, migrate: Callable[[Engine], None]) -> None:
        self._migrate = migrate
        self._server = create_engine(
            make_url(server_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        self._template: str | None = None
        self._made: list[Database] = []

    def create(self) -> Database:
        """A copy of PostgreSQL's own empty database."""
        return self._open(self._copy(_EMPTY))

    def create_migrated(self) -> Database:
        """A copy of the database that was migrated once."""
        return self._open(self._copy(self._migrated_template()))

    def drop_all(self) -> None:
        """Drop the databases, ending what is still connected."""
        while self._made:
            engine = self._made.pop().engine
            engine.dispose()
            self._drop(str(engine.url.database))

    def close(self) -> None:
        """Drop the migrated database."""
        if self._template is not None:
            self._drop(self._template)
            self._template = None

    def _copy(self, template: str) -> str:
        name = f"sequent_test_{uuid4().hex[:16]}"
        with self._server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return name

    def _drop(self, name: str) -> None:
        with self._server.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))

    def _url(self, name: str) -> URL:
        return self._server.url.set(database=name)

    def _open(self, name: str) -> Database:
        url = self._url(name)
        database = Database(self.name, url.render_as_string(hide_password=False), create_engine(url))
        self._made.append(database)
        return database

    def _migrated_template(self) -> str:
        if self._template is None:
            name = self._copy(_EMPTY)
            engine = create_engine(self._url(name), poolclass=NullPool)
            try:
                self._migrate(engine)
            except BaseException:
                self._drop(name)
                raise
            finally:
                engine.dispose()
            self._template = name
        return self._template
