"""On PostgreSQL the twins live in a schema of their own, made from the catalog of the live tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager

from psycopg.errors import DependentObjectsStillExist
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from sequent_sa import tables
from sequent_sa.dialects import postgresql_catalog as catalog
from sequent_sa.dialects.postgresql_locks import lock_tables
from sequent_sa.exceptions import ReplayError

VIEW, REPLAY, ARCHIVE = "view_schema", "replay_schema", "archive_schema"
_DEFERRED = "sequent_deferred"


class PostgreSQLShadowTables:
    """Twins in `replay_schema`. Going live moves the live tables to `archive_schema` and the twins into their place."""

    def __init__(self, engine: Engine, version_table: str) -> None:
        self._engine = engine
        self._version_table = version_table

    def prepare(self, names: Collection[str]) -> None:
        with self._engine.begin() as connection:
            _run(connection, f"DROP SCHEMA IF EXISTS {REPLAY} CASCADE", f"CREATE SCHEMA {REPLAY}")
            existing = [name for name in sorted(names) if catalog.exists(connection, VIEW, name)]
            catalog.refuse_what_cannot_be_copied(connection, VIEW, existing)
            for name in existing:
                _run(connection, *catalog.copy_statements(connection, VIEW, REPLAY, name))
            for name in existing:
                _run(connection, *catalog.foreign_key_statements(connection, VIEW, REPLAY, name, existing))
            if catalog.exists(connection, VIEW, self._version_table):
                _run(
                    connection,
                    f"CREATE TABLE {REPLAY}.{self._version_table} (LIKE {VIEW}.{self._version_table} INCLUDING ALL)",
                    f"INSERT INTO {REPLAY}.{self._version_table} SELECT * FROM {VIEW}.{self._version_table}",
                )
            _run(connection, f"CREATE TABLE {REPLAY}.{_DEFERRED} (number serial PRIMARY KEY, statement text NOT NULL)")

    @contextmanager
    def migrating(self) -> Generator[Connection, None, None]:
        with self._mapped() as connection:
            yield connection
            self._defer(connection)

    @contextmanager
    def loading(self) -> Generator[Connection, None, None]:
        with self._mapped() as connection:
            yield connection

    looking = loading

    def optimize(self) -> None:
        with self._engine.begin() as connection:
            _run(connection, *connection.scalars(text(f"SELECT statement FROM {REPLAY}.{_DEFERRED} ORDER BY number")))
            _run(connection, f"DELETE FROM {REPLAY}.{_DEFERRED}")
            names = self._twins(connection)
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in names:
                _run(connection, f"VACUUM (ANALYZE) {REPLAY}.{catalog.quote(name)}")

    @contextmanager
    def going_live(self, lock_timeout: float) -> Generator[Connection, None, None]:
        with self._engine.begin() as connection:
            live = [name for name in self._twins(connection) if catalog.exists(connection, VIEW, name)]
            modes = {tables.projector_states.fullname: "ACCESS EXCLUSIVE"}
            modes |= {f"{VIEW}.{catalog.quote(name)}": "SHARE ROW EXCLUSIVE" for name in live}
            lock_tables(connection, modes, lock_timeout)
            connection.info["sequent_lock_timeout"] = lock_timeout
            yield connection

    @contextmanager
    def loading_while_going_live(self, live: Connection) -> Generator[Connection, None, None]:
        yield live.execution_options(schema_translate_map={VIEW: REPLAY})
        live.execution_options(schema_translate_map={})

    def swap(self, live: Connection, migrate: Callable[[Connection], object]) -> None:
        names = self._twins(live)
        replaced = [name for name in names if catalog.exists(live, VIEW, name)]
        modes = {f"{VIEW}.{catalog.quote(name)}": "ACCESS EXCLUSIVE" for name in replaced}
        if modes:
            lock_tables(live, modes, live.info["sequent_lock_timeout"])
        _run(live, f"DROP SCHEMA IF EXISTS {ARCHIVE} CASCADE", f"CREATE SCHEMA {ARCHIVE}")
        _run(live, *(f"ALTER TABLE {VIEW}.{catalog.quote(name)} SET SCHEMA {ARCHIVE}" for name in replaced))
        _run(live, *(f"ALTER TABLE {REPLAY}.{catalog.quote(name)} SET SCHEMA {VIEW}" for name in names))
        self._move_revision(live)
        _refuse_dependents(live, replaced)
        _run(live, f"DROP SCHEMA {REPLAY} CASCADE")

    def discard(self) -> None:
        with self._engine.begin() as connection:
            _run(connection, f"DROP SCHEMA IF EXISTS {REPLAY} CASCADE")

    @contextmanager
    def _mapped(self) -> Generator[Connection, None, None]:
        with self._engine.connect() as connection:
            mapped = connection.execution_options(schema_translate_map={VIEW: REPLAY})
            with mapped.begin():
                yield mapped

    def _twins(self, connection: Connection) -> list[str]:
        return [name for name in catalog.tables_in(connection, REPLAY) if name not in (self._version_table, _DEFERRED)]

    def _defer(self, connection: Connection) -> None:
        """Do without foreign keys and secondary indexes while loading; `optimize` brings them back."""
        for statement, removal in catalog.deferrable(connection, REPLAY, self._twins(connection)):
            connection.execute(
                text(f"INSERT INTO {REPLAY}.{_DEFERRED} (statement) VALUES (:statement)"), {"statement": statement}
            )
            _run(connection, removal)

    def _move_revision(self, live: Connection) -> None:
        if not catalog.exists(live, REPLAY, self._version_table):
            return
        if catalog.exists(live, VIEW, self._version_table):
            _run(
                live,
                f"DELETE FROM {VIEW}.{self._version_table}",
                f"INSERT INTO {VIEW}.{self._version_table} SELECT * FROM {REPLAY}.{self._version_table}",
            )
        else:
            _run(live, f"ALTER TABLE {REPLAY}.{self._version_table} SET SCHEMA {VIEW}")


def _refuse_dependents(connection: Connection, archived: list[str]) -> None:
    if not archived:
        return
    attempt = connection.begin_nested()
    try:
        _run(connection, f"DROP TABLE {', '.join(f'{ARCHIVE}.{catalog.quote(name)}' for name in archived)} RESTRICT")
    except DBAPIError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise ReplayError(
            f"something else in the database still uses a table that was replaced: {error.orig.diag.message_detail}. "
            "Drop it, go live, and create it again"
        ) from error
    finally:
        attempt.rollback()


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
