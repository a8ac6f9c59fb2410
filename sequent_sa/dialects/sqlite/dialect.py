"""SQLite 3.35 and later, through the standard library's driver: one writer at a time, who waits for his turn."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    case,
    func,
    inspect,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from sequent_sa import tables
from sequent_sa.dialects.dialect import TYPE_COLUMNS, EventRow, EventsOfAggregate, Failure, FailureKind, ShadowTables
from sequent_sa.dialects.driver_transaction import DriverTransaction, PartOfTransaction, refuse_autocommit
from sequent_sa.dialects.partitions import Partitions
from sequent_sa.dialects.sqlite.bulk_loading import load_rows
from sequent_sa.dialects.sqlite.burst import PartOfSQLiteTransaction, SavepointOnSQLite, SQLiteTransaction
from sequent_sa.dialects.sqlite.connections import (
    IMMEDIATE,
    begin_immediate,
    configure,
    is_busy,
    is_configured,
    looks_for_schemas,
    read_only,
)
from sequent_sa.dialects.sqlite.event_stream import stream_events
from sequent_sa.dialects.sqlite.locks import holding_file
from sequent_sa.dialects.sqlite.settings import doubtful_settings
from sequent_sa.dialects.sqlite.shadow_tables import SQLiteShadowTables, remove_twins, replay_path
from sequent_sa.dialects.statement import BoundStatement, Statement
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.tables import aggregates, commands, event_types, events

_ROWID = literal_column("events.rowid", BigInteger())
_latest_command = select(func.max(commands.c.id, type_=BigInteger())).scalar_subquery()
_aggregate_id = bindparam("of", type_=aggregates.c.aggregate_id.type)

_INSERT_EVENTS = Statement(
    insert(events).values(
        aggregate_id=_aggregate_id,
        partition_key=select(aggregates.c.events_partition_key)
        .where(aggregates.c.aggregate_id == _aggregate_id)
        .scalar_subquery(),
        sequence_number=bindparam("sequence_number"),
        created_at=bindparam("created_at"),
        command_id=_latest_command,
        event_type_id=select(event_types.c.id)
        .where(event_types.c.type == bindparam("type", type_=Text()))
        .scalar_subquery(),
        event_json=bindparam("data"),
    )
)

_stored_version = (
    select(func.coalesce(func.max(events.c.sequence_number), 0))
    .join(
        aggregates,
        (events.c.partition_key == aggregates.c.events_partition_key)
        & (events.c.aggregate_id == aggregates.c.aggregate_id),
    )
    .where(aggregates.c.aggregate_id == _aggregate_id)
    .scalar_subquery()
)

# Only a trigger can raise an error of its own; this one arises where a number of 64 bits has no opposite.
_VERSION_DIFFERS = "integer overflow"
_CHECK_VERSION = Statement(
    select(case((_stored_version == bindparam("version", type_=Integer()), 0), else_=func.abs(text(str(-(2**63))))))
)

# A list of any length is one parameter.
_ids = func.json_each(bindparam("aggregate_ids", type_=JSON())).table_valued("value")


_KINDS = {
    sqlite3.SQLITE_READONLY: FailureKind.READ_ONLY,
    **dict.fromkeys((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM), FailureKind.NO_RESOURCES),
    **dict.fromkeys((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERNAL), FailureKind.OWN_FAULT),
}


class SQLite:
    """WAL, foreign keys on, and transactions that take the write lock at their beginning when they will write."""

    name = "sqlite"

    def configure(self, engine: Engine) -> Engine:
        return configure(engine)

    def writing(self, engine: Engine) -> Connection:
        # A deferred transaction that reads and then writes fails at once when somebody else wrote in between,
        # whatever the time-out (SQLITE_BUSY_SNAPSHOT).
        return begin_immediate(engine.connect())

    def transaction(self, engine: Engine, *, writing: bool) -> DriverTransaction:
        return SQLiteTransaction(engine.connect(), IMMEDIATE if writing else "BEGIN")

    def reading(self, engine: Engine) -> Engine:
        return read_only(engine)

    def read_only_transaction(self, engine: Engine) -> DriverTransaction:
        return SQLiteTransaction(read_only(engine).connect())

    def part_of(self, connection: Connection) -> PartOfTransaction:
        return PartOfSQLiteTransaction(connection)

    def savepoint(self, connection: Connection) -> PartOfTransaction:
        return SavepointOnSQLite(connection)

    def identity(self, connection: Connection) -> str:
        (path,) = (file for _, name, file in connection.exec_driver_sql("PRAGMA database_list") if name == "main")
        return path or f"in memory of {id(connection.connection.driver_connection)}"

    def check_joinable(self, connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            refuse_autocommit()
        if not is_configured(connection) or looks_for_schemas(connection):
            raise ConfigurationError(
                "this connection is of an engine that was not set up for events (write-ahead log, foreign keys, when "
                "transactions begin): use app.engine, which is your own engine set up if you gave one to Sequent"
            )

    def create_schemas(self, connection: Connection, names: Sequence[str]) -> None:
        """Nothing to do: SQLite has no schemas."""

    def failure(self, error: DBAPIError) -> Failure:
        cause = error.orig
        message = str(cause)
        kind = FailureKind.OTHER
        if isinstance(cause, sqlite3.IntegrityError):
            if message == "sequent: event exists":
                kind = FailureKind.EVENT_EXISTS
            elif message == "sequent: sequence number gap":
                kind = FailureKind.SEQUENCE_GAP
            elif message.startswith(f"UNIQUE constraint failed: {tables.aggregate_unique_keys.name}."):
                kind = FailureKind.UNIQUE_KEY_TAKEN
            elif message.startswith("NOT NULL constraint failed") and message.endswith(TYPE_COLUMNS):
                kind = FailureKind.TYPE_MISSING
        elif isinstance(cause, sqlite3.DatabaseError):
            if is_busy(cause):
                kind = FailureKind.LOCK_TIMEOUT
            elif message == _VERSION_DIFFERS:
                kind = FailureKind.EVENT_EXISTS
            elif message.startswith("no such table"):
                kind = FailureKind.TABLE_MISSING
            elif " has no column named " in message:
                kind = FailureKind.COLUMN_MISSING
            else:
                # What the module itself finds wrong has no code.
                kind = _KINDS.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, FailureKind.OTHER)
        return Failure(kind)

    def insert(self, table: Table) -> Insert:
        return insert(table)

    def insert_or_ignore(self, table: Table, *key: str) -> Executable:
        return insert(table).on_conflict_do_nothing(index_elements=key)

    def upsert(self, table: Table, *key: str, update: Sequence[str]) -> Executable:
        statement = insert(table)
        return statement.on_conflict_do_update(
            index_elements=key, set_={name: statement.excluded[name] for name in update}
        )

    def insert_events(self, aggregate_id: UUID, rows: Sequence[EventRow]) -> BoundStatement:
        values = [
            {"of": aggregate_id, "sequence_number": number, "created_at": moment, "type": type_, "data": data}
            for number, moment, type_, data in rows
        ]
        return BoundStatement(_INSERT_EVENTS, values)

    def is_one(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        return column == bindparam("aggregate_id", type_=column.type)

    def among(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        return column.in_(select(type_coerce(_ids.c.value, column.type)))

    def ids(self, aggregate_ids: Sequence[UUID]) -> Mapping[str, object]:
        return {"aggregate_ids": [aggregate_id.hex for aggregate_id in aggregate_ids]}

    def lock_aggregates(self, aggregate_ids: Sequence[UUID]) -> BoundStatement | None:
        return None

    def check_version(self, aggregate_id: UUID, version: int, *, appending: bool) -> BoundStatement | None:
        return None if appending else BoundStatement(_CHECK_VERSION, {"of": aggregate_id, "version": version})

    def check_projector_states(self, states: str) -> BoundStatement | None:
        return None

    def current_command_id(self) -> ColumnElement[int]:
        return _latest_command

    def lock_projector_states(self, connection: Connection, seconds: float) -> None:
        """Nothing to do: a transaction that writes excludes all others that do."""

    def exclude_replays(self, connection: Connection) -> None:
        """Nothing to do: a transaction that writes excludes all others that do."""

    def replaying(self, engine: Engine, seconds: float) -> AbstractContextManager[bool]:
        return holding_file(Path(f"{replay_path(engine)}.lock"), seconds)

    def forget_ended_replays(self, connection: Connection) -> None:
        remove_twins(connection.engine)

    def overwrite_deleted(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")

    def forget_deleted(self, engine: Engine) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def doubtful_settings(self, connection: Connection) -> Iterable[str]:
        return doubtful_settings(connection)

    def view_tables(self, connection: Connection) -> Collection[str]:
        return inspect(connection).get_table_names()

    @contextmanager
    def archive(self, connection: Connection) -> Generator[Collection[str], None, None]:
        yield ()  # a replay empties the tables and fills them: nothing is left of the rows before

    def limit_statements(self, connection: Connection, seconds: float) -> None:
        """Nothing to do: SQLite has no such limit, and nobody else who could wait for it."""

    def partitions(self, engine: Engine) -> Partitions:
        raise ConfigurationError(
            "SQLite has no partitions: partition keys are kept, and mean something once the database is PostgreSQL"
        )

    def position_mark(self, connection: Connection) -> str:
        return str(connection.scalar(select(func.coalesce(func.max(tables.commands.c.id), 0))))

    def committed_between(self, after: str | None, until: str | None) -> Sequence[ColumnElement[bool]]:
        command_id = tables.events.c.command_id
        conditions: list[ColumnElement[bool]] = []
        if after is not None:
            conditions.append(command_id > int(after))
        if until is not None:
            conditions.append(command_id <= int(until))
        return conditions

    def committed_at(self, mark: str) -> Sequence[ColumnElement[bool]]:
        return [tables.events.c.command_id <= int(mark)]

    def not_committed_at(self, mark: str | None) -> Sequence[ColumnElement[bool]]:
        return [] if mark is None else [tables.events.c.command_id > int(mark)]

    def cluster_identifier(self, connection: Connection) -> str | None:
        return None  # the id of a command is a position wherever the file is

    def load_rows(
        self,
        connection: Connection,
        table: Table,
        types: Mapping[str, TypeEngine[Any]],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        load_rows(connection, table, types, rows)

    def stream_events(
        self, connection: Connection, type_ids: Collection[int], where: Sequence[ColumnElement[bool]]
    ) -> Generator[EventsOfAggregate, None, None]:
        return stream_events(connection, type_ids, where)

    def estimated_rows(self, connection: Connection, statement: Select[*tuple[Any, ...]]) -> int:
        # Of all types: to know how many have the right ones would be to read the whole table.
        return _highest_rowid(connection)

    def sampled_events(self, connection: Connection, number: int) -> tuple[FromClause, float]:
        highest = _highest_rowid(connection)
        step = max(1, highest // max(1, number))
        rows = func.json_each(type_coerce(list(range(1, highest + 1, step)), JSON())).table_valued("value")
        return select(events).where(_ROWID.in_(select(rows.c.value))).subquery(), 1 / step

    def shadow_tables(self, engine: Engine, version_table: str) -> ShadowTables:
        return SQLiteShadowTables(engine, version_table)


def _highest_rowid(connection: Connection) -> int:
    return connection.scalar(select(func.max(_ROWID)).select_from(events)) or 0
