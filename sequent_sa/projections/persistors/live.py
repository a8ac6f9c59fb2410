"""Straight to the read tables, in the transaction that stores the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable, TextClause, delete, insert, select, update

from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.write import Explain, Parameters, Write
from sequent_sa.projections.persistors.record_table import Where, record_table

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
            statement = insert(table.table)
            if not generated:
                self._write(statement, table.row(values))
                continue
            with self._transaction().reading(pending=True) as connection:
                row = connection.execute(statement.returning(*generated), table.row(values)).one()
            names = {column: name for name, column in table.columns.items()}
            for column, value in zip(generated, row, strict=True):
                setattr(record, names[column], value)

    def find(self, record_type: type[R], where: Where) -> list[R]:
        table = record_table(record_type)
        statement = select(*table.columns.values()).where(*table.matching(where))
        statement = statement.order_by(*(table.columns[name] for name in table.key))
        with self._transaction().reading(pending=True) as connection:
            return [table.load(row) for row in connection.execute(statement)]

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
        if changes:
            self._write(update(table.table).where(*table.matching(where)).values(table.row(changes)))

    def delete_all(self, record_type: type[R], where: Where) -> None:
        table = record_table(record_type)
        self._write(delete(table.table).where(*table.matching(where)))

    def execute_sql(self, statement: TextClause, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        with self._transaction().reading(pending=True) as connection:
            return connection.execute(statement, parameters)

    def _write(self, statement: Executable, parameters: Parameters | None = None) -> None:
        self._transaction().write(Write(statement, parameters, self._explain()))
