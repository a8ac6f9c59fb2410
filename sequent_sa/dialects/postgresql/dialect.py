"""PostgreSQL 15 and later, through psycopg 3."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import (
    DeadlockDetected,
    InternalError_,
    InvalidTextRepresentation,
    LockNotAvailable,
    NotNullViolation,
    QueryCanceled,
    ReadOnlySqlTransaction,
    SerializationFailure,
    UndefinedColumn,
    UndefinedTable,
    UniqueViolation,
)
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    FromClause,
    Select,
    Table,
    any_,
    event,
    func,
    inspect,
    select,
    tablesample,
    text,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema, DropSchema
from sqlalchemy.types import TypeEngine

from sequent_sa import tables
from sequent_sa.dialects.dialect import TYPE_COLUMNS, EventRow, EventsOfAggregate, Failure, FailureKind, ShadowTables
from sequent_sa.dialects.driver_transaction import DriverTransaction, PartOfTransaction, refuse_autocommit
from sequent_sa.dialects.partitions import Partitions
from sequent_sa.dialects.postgresql import marks
from sequent_sa.dialects.postgresql.bulk_loading import load_rows
from sequent_sa.dialects.postgresql.burst import (
    PartOfPostgreSQLTransaction,
    PostgreSQLTransaction,
    ReadOnlyPostgreSQLTransaction,
    SavepointOnPostgreSQL,
)
from sequent_sa.dialects.postgresql.connections import check_connection
from sequent_sa.dialects.postgresql.event_stream import stream_events
from sequent_sa.dialects.postgresql.locks import holding, lock_tables
from sequent_sa.dialects.postgresql.partitions import PostgreSQLPartitions
from sequent_sa.dialects.postgresql.replanning import is_outdated
from sequent_sa.dialects.postgresql.schemas import ARCHIVE, REPLAY, VIEW
from sequent_sa.dialects.postgresql.settings import doubtful_settings
from sequent_sa.dialects.postgresql.shadow_tables import PostgreSQLShadowTables
from sequent_sa.dialects.postgresql.statements import (
    CHECK_PROJECTORS,
    CHECK_VERSION,
    FEW_EVENTS,
    IDS,
    INSERT_EVENTS,
    LOCK_AGGREGATE,
    LOCK_AGGREGATES,
    ONE_ID,
    PROJECTORS_CHANGED,
    WRONG_ISOLATION,
    array_of,
    array_of_texts,
    estimated_rows,
    insert_few_events,
)
from sequent_sa.dialects.statement import BoundStatement
from sequent_sa.exceptions import ConfigurationError

_KINDS = {
    "SQ001": FailureKind.EVENT_EXISTS,
    "SQ002": FailureKind.SEQUENCE_GAP,
    ReadOnlySqlTransaction.sqlstate: FailureKind.READ_ONLY,
    LockNotAvailable.sqlstate: FailureKind.LOCK_TIMEOUT,
    DeadlockDetected.sqlstate: FailureKind.TRANSACTION_LOST,
    SerializationFailure.sqlstate: FailureKind.TRANSACTION_LOST,
    QueryCanceled.sqlstate: FailureKind.CANCELED,
    UndefinedTable.sqlstate: FailureKind.TABLE_MISSING,
    UndefinedColumn.sqlstate: FailureKind.COLUMN_MISSING,
}
_NO_RESOURCES = ("53", "58000", "58030")
"""Want of space, memory or connections; what the system refused; a disk that fails."""

_OWN_FAULT = ("58", "XX")
"""The classes of all other errors of the server itself."""

_FILES = frozenset({"md.c", "fd.c", "buffile.c", "fileset.c", "logtape.c"})
"""Where the server writes its files. A file that may not grow is an error without a state, its text is translated."""

_REPLAY_LOCK_SECONDS = 10.0


class PostgreSQL:
    """READ COMMITTED, row locks on aggregates, snapshots as positions."""

    name = "postgresql"

    def configure(self, engine: Engine) -> Engine:
        if not event.contains(engine, "connect", check_connection):
            event.listen(engine, "connect", check_connection)
        return engine.execution_options()

    def writing(self, engine: Engine) -> Connection:
        return engine.connect()

    def reading(self, engine: Engine) -> Engine:
        return engine.execution_options(postgresql_readonly=True)

    def transaction(self, engine: Engine, *, writing: bool) -> DriverTransaction:
        return PostgreSQLTransaction.on(engine)

    def read_only_transaction(self, engine: Engine) -> DriverTransaction:
        return ReadOnlyPostgreSQLTransaction.on(engine)

    def part_of(self, connection: Connection) -> PartOfTransaction:
        return PartOfPostgreSQLTransaction(connection)

    def savepoint(self, connection: Connection) -> PartOfTransaction:
        return SavepointOnPostgreSQL(connection)

    def identity(self, connection: Connection) -> str:
        return f"{connection.scalar(text('SELECT current_database()'))} {self.cluster_identifier(connection)}"

    def check_joinable(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        if getattr(driver, "autocommit", False):
            refuse_autocommit()

    def create_schemas(self, connection: Connection, names: Sequence[str]) -> None:
        for name in names:
            connection.execute(CreateSchema(name, if_not_exists=True))

    def failure(self, error: DBAPIError) -> Failure:
        cause = error.orig
        if not isinstance(cause, psycopg.Error):
            return Failure(FailureKind.OTHER)
        # A partition's constraint carries the partition's name; the store's own partitions begin with the root's.
        table = cause.diag.table_name
        kind = _KINDS.get(cause.sqlstate or "", FailureKind.OTHER)
        if isinstance(cause, UniqueViolation) and cause.diag.schema_name == tables.metadata.schema:
            unique_key = table == tables.aggregate_unique_keys.name
            kind = FailureKind.UNIQUE_KEY_TAKEN if unique_key else FailureKind.EVENT_EXISTS
        elif (cause.sqlstate or "").startswith((*_NO_RESOURCES, *_OWN_FAULT)) and not error.connection_invalidated:
            kind = FailureKind.NO_RESOURCES if _lacks_resources(cause) else FailureKind.OWN_FAULT
        elif is_outdated(cause):
            kind = FailureKind.PROJECTORS_CHANGED  # it was prepared for a table that was replaced since
        elif isinstance(cause, NotNullViolation) and cause.diag.column_name in TYPE_COLUMNS:
            kind = FailureKind.TYPE_MISSING
        elif isinstance(cause, InvalidTextRepresentation):
            raised = {PROJECTORS_CHANGED: FailureKind.PROJECTORS_CHANGED, WRONG_ISOLATION: FailureKind.WRONG_ISOLATION}
            kind = next((meant for said, meant in raised.items() if said in str(cause)), kind)
        return Failure(kind, table)

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
        if len(rows) <= FEW_EVENTS:
            return _few_events(aggregate_id, rows)
        numbers, moments, types, data = zip(*rows, strict=True)
        values = {
            "aggregate_id": aggregate_id,
            "numbers": array_of(numbers),
            "moments": array_of(map(datetime.isoformat, moments)),
            "types": array_of_texts(types),
            "data": array_of_texts(data),
        }
        return BoundStatement(INSERT_EVENTS, values)

    def is_one(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        return column == ONE_ID

    def among(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        return column == any_(IDS)

    def ids(self, aggregate_ids: Sequence[UUID]) -> Mapping[str, object]:
        return {"aggregate_ids": array_of(aggregate_ids)}

    def lock_aggregates(self, aggregate_ids: Sequence[UUID]) -> BoundStatement | None:
        if len(aggregate_ids) == 1:
            return BoundStatement(LOCK_AGGREGATE, {"aggregate_id": aggregate_ids[0]})
        return BoundStatement(LOCK_AGGREGATES, {"aggregate_ids": array_of(aggregate_ids)})

    def check_version(self, aggregate_id: UUID, version: int, *, appending: bool) -> BoundStatement | None:
        return BoundStatement(CHECK_VERSION, {"aggregate_id": aggregate_id, "version": version})

    def check_projector_states(self, states: str) -> BoundStatement | None:
        return BoundStatement(CHECK_PROJECTORS, {"states": states})

    def current_command_id(self) -> ColumnElement[int]:
        return func.currval(text("'sequent_schema.commands_id_seq'"), type_=BigInteger())

    def lock_projector_states(self, connection: Connection, seconds: float) -> None:
        lock_tables(connection, {tables.projector_states.fullname: "ACCESS EXCLUSIVE"}, seconds)

    def exclude_replays(self, connection: Connection) -> None:
        lock_tables(connection, {tables.replay_states.fullname: "SHARE"}, _REPLAY_LOCK_SECONDS)

    def replaying(self, engine: Engine, seconds: float) -> AbstractContextManager[bool]:
        return holding(engine, tables.replay_states.fullname, seconds)

    def forget_ended_replays(self, connection: Connection) -> None:
        connection.execute(DropSchema(REPLAY, cascade=True, if_exists=True))

    def overwrite_deleted(self, connection: Connection) -> None:
        """Nothing to do: the server does that when it vacuums."""

    def forget_deleted(self, engine: Engine) -> None:
        """Nothing to do: the server's log is not the application's."""

    def doubtful_settings(self, connection: Connection) -> Iterable[str]:
        return doubtful_settings(connection)

    def view_tables(self, connection: Connection) -> Collection[str]:
        return inspect(connection).get_table_names(schema=VIEW)

    @contextmanager
    def archive(self, connection: Connection) -> Generator[Collection[str], None, None]:
        names = inspect(connection).get_table_names(schema=ARCHIVE)
        before: dict[str | None, str | None] = dict(
            connection.get_execution_options().get("schema_translate_map") or {}
        )
        connection.execution_options(schema_translate_map={**before, VIEW: ARCHIVE})
        try:
            yield names
        finally:
            connection.execution_options(schema_translate_map=before)

    def limit_statements(self, connection: Connection, seconds: float) -> None:
        connection.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))

    def partitions(self, engine: Engine) -> Partitions:
        return PostgreSQLPartitions(engine)

    def position_mark(self, connection: Connection) -> str:
        in_recovery, mark = connection.execute(text("SELECT pg_is_in_recovery(), pg_current_snapshot()::text")).one()
        _refuse_standby(in_recovery)
        return str(mark)

    def committed_between(self, after: str | None, until: str | None) -> Sequence[ColumnElement[bool]]:
        return marks.committed_between(after, until)

    def committed_at(self, mark: str) -> Sequence[ColumnElement[bool]]:
        return [marks.committed_at(mark)]

    def not_committed_at(self, mark: str | None) -> Sequence[ColumnElement[bool]]:
        return [] if mark is None else [marks.not_committed_at(mark)]

    def cluster_identifier(self, connection: Connection) -> str | None:
        found = text("SELECT system_identifier, pg_is_in_recovery() FROM pg_control_system()")
        identifier, in_recovery = connection.execute(found).one()
        # A window of the primary may not even be read to its end there: what has not arrived yet would be lost.
        _refuse_standby(in_recovery)
        return str(identifier)

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
        return estimated_rows(connection, statement)

    def sampled_events(self, connection: Connection, number: int) -> tuple[FromClause, float]:
        share = min(1.0, number / max(1, estimated_rows(connection, select(tables.events.c.aggregate_id))))
        # Whole pages: reading single rows from everywhere would read nearly all pages.
        return tablesample(tables.events, func.system(share * 100)), share

    def shadow_tables(self, engine: Engine, version_table: str) -> ShadowTables:
        return PostgreSQLShadowTables(engine, version_table)


def _lacks_resources(cause: psycopg.Error) -> bool:
    could_not_write = cause.sqlstate == InternalError_.sqlstate and cause.diag.source_file in _FILES
    return could_not_write or (cause.sqlstate or "").startswith(_NO_RESOURCES)


def _few_events(aggregate_id: UUID, rows: Sequence[EventRow]) -> BoundStatement:
    values: dict[str, object] = {"aggregate_id": aggregate_id}
    for n, (number, moment, type_, data) in enumerate(rows):
        # As text: the driver would choose a type by the size of a number, and takes longer over a moment.
        values[f"number_{n}"] = str(number)
        values[f"moment_{n}"] = moment.isoformat()
        values[f"type_{n}"] = type_
        values[f"data_{n}"] = data
    return BoundStatement(insert_few_events(len(rows)), values)


def _refuse_standby(in_recovery: bool) -> None:
    if in_recovery:
        raise ConfigurationError(
            "positions cannot be read on a hot standby, whose snapshots do not list open transactions: "
            "connect to the primary server"
        )
