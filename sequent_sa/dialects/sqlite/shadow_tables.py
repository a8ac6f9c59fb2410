"""On SQLite the twins live in a file of their own, so that loading them holds no lock on the application."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from sequent_sa import tables
from sequent_sa.dialects.dialect import Doing, managed_by_others, stand_ins_changed
from sequent_sa.dialects.sqlite.connections import begin_immediate, configure
from sequent_sa.exceptions import ReplayError

_ATTACHED = "replay_schema"
_STAND_INS, _DEFERRED = "sequent_stand_ins", "sequent_deferred"
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

    def prepare(self, names: Collection[str], others: Collection[str], *, dependents: bool) -> Sequence[str]:
        self.discard()
        with self._live.connect() as live, self._writing() as twins:
            copied = _belonging_to(live, names)
            if lost := sorted(copied & set(others)):
                raise ReplayError(managed_by_others(lost))
            twins.exec_driver_sql(f"CREATE TABLE {_STAND_INS} (name TEXT PRIMARY KEY, definition TEXT NOT NULL)")
            twins.exec_driver_sql(f"CREATE TABLE {_DEFERRED} (definition TEXT NOT NULL)")
            ours = {table.name for table in tables.metadata.tables.values()}
            for name, definition in live.execute(_STORED):
                if name in copied or name in ours or name == self._version_table:
                    continue
                twins.exec_driver_sql(definition)
                twins.exec_driver_sql(f"INSERT INTO {_STAND_INS} VALUES (?, ?)", (name, definition))
            for name in (*sorted(copied), self._version_table):
                for definition in live.execute(_DEFINITIONS, {"name": name}).scalars().all():
                    twins.exec_driver_sql(definition)
            self._copy_revision(live, twins)
            progress = MetaData()
            for table in _PROGRESS:
                table.to_metadata(progress)
            progress.create_all(twins)
        return ()

    @contextmanager
    def migrating(self, keep: Collection[str] = ()) -> Generator[Connection, None, None]:
        with self._writing() as connection:
            yield connection
            self._remove_stand_ins(connection)
            for name, definition in connection.execute(_SECONDARY_INDEXES).all():
                if not any(fnmatchcase(name, pattern) for pattern in keep):
                    connection.exec_driver_sql(f"INSERT INTO {_DEFERRED} VALUES (?)", (definition,))
                    connection.exec_driver_sql(f"DROP INDEX {_quote(name)}")

    @contextmanager
    def loading(self) -> Generator[Connection, None, None]:
        self._refuse_missing()
        with self._writing() as connection:
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

    def optimize(self, doing: Doing) -> None:
        with self._writing() as connection:
            todo = connection.exec_driver_sql(f"SELECT definition FROM {_DEFERRED}").scalars().all()
            for place, statement in enumerate((*todo, "ANALYZE")):
                doing(" ".join(statement.split()), place, len(todo) + 1)
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"DELETE FROM {_DEFERRED}")

    @contextmanager
    def going_live(self, lock_timeout: float) -> Generator[Connection, None, None]:
        with begin_immediate(self._live.connect()) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            # Emptying a table would carry out ON DELETE CASCADE elsewhere; `swap` checks the keys when all rows are in.
            driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
            finally:
                _detach(driver)
                driver.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def _writing(self) -> Generator[Connection, None, None]:
        with begin_immediate(self._engine.connect()) as connection, connection.begin():
            yield connection

    def _copy_revision(self, live: Connection, twins: Connection) -> None:
        if self._version_table in live.execute(_LIVE_TABLES).scalars():
            table = _quote(self._version_table)
            for (revision,) in live.exec_driver_sql(f"SELECT version_num FROM {table}"):
                twins.exec_driver_sql(f"INSERT INTO {table} VALUES (?)", (revision,))

    @staticmethod
    def _remove_stand_ins(twins: Connection) -> None:
        """Those that are gone were removed by a migration. Raises `ReplayError` for those that were changed."""
        found = twins.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        now = {str(name): str(definition) for name, definition in found}
        stand_ins = twins.exec_driver_sql(f"SELECT name, definition FROM {_STAND_INS}").all()
        changed = sorted(name for name, definition in stand_ins if now.get(name) not in (None, definition))
        if changed:
            raise ReplayError(stand_ins_changed(changed))
        for name, _ in stand_ins:
            if name in now:
                twins.exec_driver_sql(f"DROP TABLE {_quote(name)}")

    @contextmanager
    def comparing(self) -> Generator[Connection, None, None]:
        with self._live.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            try:
                with connection.begin():
                    connection.execute(_LIVE_TABLES).close()  # a transaction sees the moment of its first look
                    yield connection
            finally:
                _detach(driver)

    @contextmanager
    def beside(self, live: Connection) -> Generator[Connection, None, None]:
        live.exec_driver_sql(f"ATTACH DATABASE ? AS {_ATTACHED}", (str(self._path),))
        yield live

    places = ("main", _ATTACHED)

    def comparable(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        return value

    @contextmanager
    def loading_while_going_live(self, live: Connection) -> Generator[Connection, None, None]:
        with self.loading() as connection:
            yield connection

    def swap(
        self, live: Connection, migrate: Callable[[Connection], object], swapped: Callable[[Connection], object]
    ) -> None:
        # Only now: a transaction that takes the write lock takes that of every file that is attached.
        live.exec_driver_sql(f"ATTACH DATABASE ? AS {_ATTACHED}", (str(self._path),))
        ours = {self._version_table, _STAND_INS, _DEFERRED, *(table.name for table in _PROGRESS)}
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
        live.exec_driver_sql("PRAGMA main.analysis_limit = 1000")
        for name in names:
            live.exec_driver_sql(f"ANALYZE main.{_quote(name)}")
        swapped(live)
        _check_foreign_keys(live, names)

    def discard(self) -> None:
        self._engine.dispose()
        remove_twins(self._live)


def remove_twins(engine: Engine) -> None:
    """Remove the file of the twins, if there is one."""
    if is_in_memory(engine):
        return
    for suffix in ("", "-wal", "-shm"):
        Path(f"{replay_path(engine)}{suffix}").unlink(missing_ok=True)


def is_in_memory(engine: Engine) -> bool:
    """Whether the database has no file."""
    database = engine.url.database
    return not database or database == ":memory:" or "mode=memory" in database


def replay_path(engine: Engine) -> Path:
    """The file in which the twins are. Raises `ReplayError` for a database in memory."""
    if is_in_memory(engine):
        raise ReplayError("a replay needs a database file of its own: an in-memory SQLite database has none")
    return Path(f"{engine.url.database}-replay")


_STORED = text(
    "SELECT name, sql FROM main.sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' "
    "AND name NOT LIKE 'sqlite|_%' ESCAPE '|'"
)
# The triggers of a view are how it is written; those of a table fire when the rows come into the live one.
_DEFINITIONS = text(
    "SELECT sql FROM main.sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL AND (type <> 'trigger' OR tbl_name "
    "IN (SELECT name FROM main.sqlite_master WHERE type = 'view')) ORDER BY type IN ('table', 'view') DESC, type"
)
_SECONDARY_INDEXES = text(
    """SELECT i.name, i.sql FROM sqlite_master t, pragma_index_list(t.name) l JOIN sqlite_master i ON i.name = l.name
        WHERE t.type = 'table' AND l.origin = 'c' AND NOT l."unique" ORDER BY i.name"""
)
_REFERRING = text(
    """SELECT DISTINCT m.name, f."table" FROM main.sqlite_master m, pragma_foreign_key_list(m.name) f
        WHERE m.type = 'table'"""
)
_TABLES = text(
    f"SELECT name FROM {_ATTACHED}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite|_%' ESCAPE '|'"
)
_VIEWS = text("SELECT name FROM main.sqlite_master WHERE type = 'view'")
_LIVE_TABLES = text("SELECT name FROM main.sqlite_master WHERE type = 'table'")
_COLUMNS = text("SELECT name FROM pragma_table_xinfo(:name, 'main') WHERE hidden = 0")


def _detach(driver: Any) -> None:
    if _ATTACHED in [name for _, name, _ in driver.execute("PRAGMA database_list")]:
        driver.execute(f"DETACH DATABASE {_ATTACHED}")


def _belonging_to(live: Connection, names: Collection[str]) -> set[str]:
    """Those tables and views of these names that exist, with what the views read."""
    existing = set(live.execute(_LIVE_TABLES).scalars())
    views = set(live.execute(_VIEWS).scalars())
    found = {name for name in names if name in existing or name in views}
    driver = live.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)

    def note(action: int, table: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and table is not None and (table in existing or table in views):
            found.add(table)
        return sqlite3.SQLITE_OK

    driver.set_authorizer(note)
    try:
        for view in sorted(views & found):
            driver.execute(f"SELECT * FROM {_quote(view)} LIMIT 0").close()
    finally:
        driver.set_authorizer(None)
    return found


def _check_foreign_keys(live: Connection, names: Collection[str]) -> None:
    touched = {table for table, referred in live.execute(_REFERRING) if table in names or referred in names}
    for table in sorted(touched):
        broken = live.exec_driver_sql(f"PRAGMA main.foreign_key_check({_quote(table)})").first()
        if broken is not None:
            raise ReplayError(
                f"a row of {broken[0]} would refer to no row of {broken[2]} any more, so nothing was changed: remove "
                "or correct what refers to it, or the projector, and replay again"
            )


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _without_foreign_keys(connection: DBAPIConnection, *_: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.close()
