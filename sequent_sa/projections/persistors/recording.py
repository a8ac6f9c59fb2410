"""Passes everything on, and tells what would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable

from sequent_sa.projections.persistors.persistor import Persistor
from sequent_sa.projections.persistors.record_table import Where, record_table

R = TypeVar("R")

Tell = Callable[[str, str, Mapping[str, object], Mapping[str, object]], object]
"""Gets the name of a table, the operation, which rows, and what they will hold."""


class RecordingPersistor:
    """A persistor around another one; `tell` hears of every change before it is made."""

    def __init__(self, persistor: Persistor, tell: Tell) -> None:
        self._persistor = persistor
        self._tell = tell

    def insert(self, record_type: type[R], records: Sequence[R]) -> None:
        table = record_table(record_type)
        for record in records:
            self._tell(table.table.name, "insert", {}, table.values(record))
        self._persistor.insert(record_type, records)

    def find(self, record_type: type[R], where: Where) -> list[R]:
        return self._persistor.find(record_type, where)

    def save(self, record_type: type[R], record: R, before: Mapping[str, Any]) -> None:
        table = record_table(record_type)
        after = table.values(record)
        changes = {name: value for name, value in after.items() if name not in before or before[name] != value}
        if changes:
            self._tell(table.table.name, "update", {name: before[name] for name in table.key}, changes)
        self._persistor.save(record_type, record, before)

    def delete(self, record_type: type[R], record: R) -> None:
        table = record_table(record_type)
        values = table.values(record)
        self._tell(table.table.name, "delete", {name: values[name] for name in table.key}, {})
        self._persistor.delete(record_type, record)

    def update_all(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        self._tell(record_table(record_type).table.name, "update", where, changes)
        self._persistor.update_all(record_type, where, changes)

    def delete_all(self, record_type: type[R], where: Where) -> None:
        self._tell(record_table(record_type).table.name, "delete", where, {})
        self._persistor.delete_all(record_type, where)

    def execute_sql(self, statement: Executable, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        self._tell("(any)", "sql", {}, {"statement": str(statement), **parameters})
        return self._persistor.execute_sql(statement, parameters)
