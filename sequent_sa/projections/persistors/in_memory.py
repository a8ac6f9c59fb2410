"""Rows in memory with hash indexes, loaded in bulk at the end: for rebuilding a projection into empty tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable

from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.record_table import RecordTable, Where, record_table
from sequent_sa.projections.persistors.rows_in_memory import RowsInMemory

R = TypeVar("R")


class InMemoryPersistor:
    """Keeps every row until `load`; it never reads the tables, which must be empty when a replay begins.

    Gives the rows, and the records, that `LivePersistor` gives, but for values that only the database can make: they
    are not known before `load`. Raises `ProjectorError` where a projector asks for them.
    """

    def __init__(self) -> None:
        self._tables: dict[type, RowsInMemory] = {}

    def insert(self, record_type: type[R], records: Sequence[R]) -> None:
        rows = self._rows(record_type)
        for record in records:
            rows.add(record)

    def find(self, record_type: type[R], where: Where) -> list[R]:
        rows = self._rows(record_type)
        return [rows.lend(row) for row in rows.sorted(rows.find(where))]

    def save(self, record_type: type[R], record: R, before: Mapping[str, Any]) -> None:
        rows = self._rows(record_type)
        after = rows.table.values(record)
        changes = {name: value for name, value in after.items() if name not in before or before[name] != value}
        if changes:
            rows.change(rows.of(record, before), changes)

    def delete(self, record_type: type[R], record: R) -> None:
        rows = self._rows(record_type)
        rows.remove(rows.of(record, rows.table.values(record)))

    def update_all(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        rows = self._tables.get(record_type)
        if rows is None:
            rows = self._rows(record_type)
        rows.update(where, changes)

    def delete_all(self, record_type: type[R], where: Where) -> None:
        rows = self._rows(record_type)
        rows.remove(rows.find(where))

    def execute_sql(self, statement: Executable, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        raise ProjectorError(
            "execute_sql needs the tables, which are filled only at the end of a replay: use the record operations, "
            'or declare the projector with replay_by="store", which replays event by event'
        )

    def load(self, connection: Connection) -> int:
        """Insert all rows and forget them, also when that fails. Returns their number."""
        tables, self._tables = self._tables, {}
        return sum(rows.load(connection) for rows in tables.values())

    def take(self) -> dict[RecordTable[Any], list[dict[str, Any]]]:
        """The values of all rows by table, which are forgotten here."""
        tables, self._tables = self._tables, {}
        return {rows.table: rows.all() for rows in tables.values()}

    def _rows(self, record_type: type[Any]) -> RowsInMemory:
        rows = self._tables.get(record_type)
        if rows is None:
            rows = self._tables[record_type] = RowsInMemory(record_table(record_type))
        return rows
