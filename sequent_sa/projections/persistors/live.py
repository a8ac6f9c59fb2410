"""Straight to the read tables, in the transaction that stores the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, CursorResult, Executable, insert

from sequent_sa.dialects import BoundStatement
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.write import Explain, Write
from sequent_sa.projections.persistors.record_statements import record_statements
from sequent_sa.projections.persistors.record_table import RecordTable, Where, record_table
from sequent_sa.projections.persistors.unsent_rows import UnsentRows

R = TypeVar("R")


class LivePersistor:
    """Writes behind, through a transaction; what is read includes what is still pending.

    `explain` makes the error for a write that the database refuses, from the event that is being handled.
    """

    def __init__(self, transaction: Callable[[], Transaction], explain: Callable[[], Explain | None]) -> None:
        self._transaction = transaction
        self._explain = explain

    def insert(self, record_type: type[R], records: Sequence[R]) -> None:
        table = record_table(record_type)
        for record in records:
            values = table.values(record)
            generated = table.generated(values)
            if generated:
                self._insert_returning(table, record, values, generated)
            else:
                write = self._write(record_statements(table).insert(values))
                UnsentRows.of(self._transaction(), table).inserted(values, write)

    def _insert_returning(
        self, table: RecordTable[R], record: R, values: Mapping[str, Any], generated: Sequence[Column[Any]]
    ) -> None:
        with self._transaction().reading() as connection:
            row = connection.execute(insert(table.table).values(table.row(values)).returning(*generated)).one()
        names = {column: name for name, column in table.columns.items()}
        for column, value in zip(generated, row, strict=True):
            setattr(record, names[column], value)

    def find(self, record_type: type[R], where: Where) -> list[R]:
        table = record_table(record_type)
        table.check(where)
        rows = self._transaction().fetch(record_statements(table).select(where), pending=True)
        found = [table.load(row) for row in rows]
        if len(found) > 1:
            found.sort(key=lambda record: table.sort_key(vars(record)))
        return found

    def save(self, record_type: type[R], record: R, before: Mapping[str, Any]) -> None:
        table = record_table(record_type)
        after = table.values(record)
        changes = {name: value for name, value in after.items() if name not in before or before[name] != value}
        if changes:
            self.update_all(record_type, table.identity(before), changes)

    def delete(self, record_type: type[R], record: R) -> None:
        table = record_table(record_type)
        self.delete_all(record_type, table.identity(table.values(record)))

    def update_all(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        table = record_table(record_type)
        table.check(changes)
        table.check(where)
        if not changes:
            return
        rows = UnsentRows.of(self._transaction(), table)
        if not rows.change(where, changes, self._explain()):
            write = self._write(record_statements(table).update(where, table.with_updates(changes)))
            rows.updated(where, changes, write)

    def delete_all(self, record_type: type[R], where: Where) -> None:
        table = record_table(record_type)
        table.check(where)
        UnsentRows.of(self._transaction(), table).forget()
        self._write(record_statements(table).delete(where))

    def execute_sql(self, statement: Executable, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        with self._transaction().reading() as connection:
            return connection.execute(statement, parameters)

    def _write(self, statement: BoundStatement) -> Write:
        write = Write(*statement, self._explain())
        self._transaction().write(write)
        return write
