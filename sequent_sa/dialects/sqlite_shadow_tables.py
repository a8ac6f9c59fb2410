"""On SQLite the twins live in a file of their own, so that loading them holds no lock on the application."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from sequent_sa import tables
from sequent_sa.dialects.sqlite_connections import begin_immediate, configure
from sequent_sa.exceptions import ReplayError

_ATTACHED = "replay_schema"
_PROGRESS = (tables.replay_states, tables.replay_groups)


class SQLiteShadowTables:
    """Twins in `<database file>-replay`. Going live copies their rows, in one transaction of the live file.

    Renaming tables would drag foreign keys, views, triggers and index names along.
    """

    def __init__(self, engine: Engine, version_table: str) -> None:
        self._live = engine
        self._version_table = version_table
        self._path = replay_path(engine)

    @cached_property
    def _engine(self) -> Engine:
        # No pool: the file must be closed before it can be removed, and nobody else closes these connections.
        engine = create_engine(self._live.url.set(database=str(self._path)), poolclass=NullPool)
        configured = configure(engine)
        # Loading follows no order between tables; the live database checks the foreign keys when going live.
        event.listen(engine, "checkout", _without_foreign_keys)
        return configured

    def prepare(self, names: Collection[str]) -> None:
        self.discard()
        with self._live.connect() as live, self.migrating() as twins:
            self._refuse_dependents(live, names)
            for name in (*sorted(names), self._version_table):
                definitions = live.execute(_DEFINITIONS, {"name": name}).scalars().all()
                for definition in definitions:
                    twins.exec_driver_sql(definition)
                if name == self._version_table and definitions:
                    for (revision,) in live.exec_driver_sql(f"SELECT version_num FROM {_quote(name)}"):
                        twins.exec_driver_sql(f"INSERT INTO {_quote(name)} VALUES (?)", (revision,))
            progress = MetaData()
            for table in _PROGRESS:
                table.to_metadata(progress)
            progress.create_all(twins)

    @staticmethod
    def _refuse_dependents(live: Connection, names: Collection[str]) -> None:
        # Emptying a table when going live would carry out ON DELETE CASCADE in tables that are not rebuilt.
        found = [
            f"foreign key of {table}, which is not rebuilt, to {referred}"
            for table, referred in live.execute(_FOREIGN_KEYS)
            if referred in names and table not in names
        ]
        if found:
            raise ReplayError(f"these cannot be carried over by a replay yet: {'; '.join(found)}")

    @contextmanager
    def migrating(self) -> Generator[Connection, None, None]:
        with begin_immediate(self._engine.connect()) as connection, connection.begin():
            yield connection

    @contextmanager
    def loading(self) -> Generator[Connection, None, None]:
        self._refuse_missing()
        with self.migrating() as connection:
            yield connection

    @contextmanager
    def looking(self) -> Generator[Connection, None, None]:
        self._refuse_missing()
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def _refuse_missing(self) -> None:
        # Connecting would make an empty file.
        if not self._path.exists():
            raise ReplayError(f"{self._path} is gone: this replay was ended by another process")

    def optimize(self) -> None:
        with self.migrating() as connection:
            connection.exec_driver_sql("ANALYZE")

    @contextmanager
    def going_live(self, lock_timeout: float) -> Generator[Connection, None, None]:
        with begin_immediate(self._live.connect()) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(f"ATTACH DATABASE ? AS {_ATTACHED}", (str(self._path),))
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.execute(f"DETACH DATABASE {_ATTACHED}")

    @contextmanager
    def loading_while_going_live(self, live: Connection) -> Generator[Connection, None, None]:
        with self.loading() as connection:
            yield connection

    def swap(self, live: Connection, migrate: Callable[[Connection], object]) -> None:
        live.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        ours = {self._version_table, *(table.name for table in _PROGRESS)}
        names = [name for name in live.execute(_TABLES).scalars() if name not in ours]
        existing = set(live.execute(_LIVE_TABLES).scalars())
        for name in names:
            if name in existing:
                live.exec_driver_sql(f"DELETE FROM main.{_quote(name)}")
        migrate(live)
        for name in names:
            columns = ", ".join(_quote(column) for column in live.execute(_COLUMNS, {"name": name}).scalars())
            live.exec_driver_sql(
                f"INSERT INTO main.{_quote(name)} ({columns}) SELECT {columns} FROM {_ATTACHED}.{_quote(name)}"
            )

    def discard(self) -> None:
        self._engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)


def replay_path(engine: Engine) -> Path:
    """The file in which the twins are. Raises `ReplayError` for a database in memory."""
    database = engine.url.database
    if not database or database == ":memory:" or "mode=memory" in database:
        raise ReplayError("a replay needs a database file of its own: an in-memory SQLite database has none")
    return Path(f"{database}-replay")


_DEFINITIONS = text(
    "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type IN ('table', 'index') AND sql IS NOT NULL "
    "ORDER BY type DESC"
)
_FOREIGN_KEYS = text(
    """SELECT m.name, f."table" FROM main.sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"""
)
_TABLES = text(
    f"SELECT name FROM {_ATTACHED}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite|_%' ESCAPE '|'"
)
_LIVE_TABLES = text("SELECT name FROM main.sqlite_master WHERE type = 'table'")
_COLUMNS = text("SELECT name FROM pragma_table_xinfo(:name, 'main') WHERE hidden = 0")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _without_foreign_keys(connection: DBAPIConnection, *_: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.close()
