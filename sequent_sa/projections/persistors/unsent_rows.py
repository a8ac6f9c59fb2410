"""Rows whose INSERT or UPDATE was not sent yet, so that a later change can still become part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import String, Text

from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.write import Explain, Write
from sequent_sa.projections.persistors.record_statements import own, record_statements
from sequent_sa.projections.persistors.record_table import RecordTable, Where, is_expression

_SURELY_EQUAL = (UUID, int, date)


@dataclass(slots=True)
class _Row:
    write: Write
    where: Where | None  # None: it is an INSERT
    values: dict[str, Any]


class UnsentRows:
    """The rows of one table that have an unsent write of their own, by primary key.

    Only an update by full primary key, of columns that no constraint needs, goes into an earlier write of its row: then
    it does not matter to any other statement that it is made earlier. A statement about any number of rows may depend
    on the columns that were changed before it, so that nothing moves across it.
    """

    def __init__(self, table: RecordTable[Any]) -> None:
        self._table = table
        self._rows: dict[tuple[object, ...], _Row] = {}

    @classmethod
    def of(cls, transaction: Transaction, table: RecordTable[Any]) -> UnsentRows:
        """Those of a table in a transaction."""
        rows = transaction.unsent.get(table)
        if rows is None:
            rows = transaction.unsent[table] = cls(table)
        return rows

    def forget(self) -> None:
        """From now on nothing is added to the writes so far."""
        self._rows.clear()

    def inserted(self, values: Mapping[str, Any], write: Write) -> None:
        """Remember the INSERT of a row."""
        key = self._key(self._table.identity(values))
        if key is not None and not any(map(is_expression, values.values())):
            self._rows[key] = _Row(write, None, _owned(values))

    def change(self, where: Where, changes: Mapping[str, Any], explain: Explain | None) -> bool:
        """Make changes part of an earlier write of their row. False when that is not possible."""
        key = self._key(where) if self._movable(changes) else None
        row = self._rows.get(key) if key is not None else None
        if row is None:
            return False
        row.values.update(_owned(changes))
        statements = record_statements(self._table)
        bound = statements.insert(row.values) if row.where is None else statements.update(row.where, row.values)
        row.write.statement, row.write.parameters = bound
        row.write.explain = explain
        return True

    def updated(self, where: Where, changes: Mapping[str, Any], write: Write) -> None:
        """Remember an UPDATE that could not become part of an earlier write."""
        key = self._key(where) if self._movable(changes) else None
        if key is None:
            self.forget()
        else:
            self._rows[key] = _Row(write, dict(where), _owned(changes))

    def _movable(self, changes: Mapping[str, Any]) -> bool:
        constrained = self._table.constrained
        return (
            constrained is not None
            and constrained.isdisjoint(changes)
            and not any(map(is_expression, changes.values()))
        )

    def _key(self, where: Where) -> tuple[object, ...] | None:
        if len(where) != len(self._table.key):
            return None
        key: list[object] = []
        for name in self._table.key:
            value = where.get(name)
            # Other types may be equal for the database and not for Python, or the other way round.
            if type(value) not in _SURELY_EQUAL and not (type(value) is str and self._is_plain_text(name)):
                return None
            key.append(value)
        return tuple(key)

    def _is_plain_text(self, name: str) -> bool:
        column_type = self._table.columns[name].type
        return type(column_type) in (String, Text) and column_type.collation is None  # type: ignore[attr-defined]


def _owned(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: own(value) for name, value in values.items()}
