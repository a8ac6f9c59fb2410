"""Rows in memory with hash indexes, loaded in bulk at the end: for rebuilding a projection into empty tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, TextClause, insert

from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.record_table import RecordTable, Where, is_any_of, record_table

R = TypeVar("R")

_ROWS_A_STATEMENT = 5_000
_OWN = "_sequent_own"


class InMemoryPersistor:
    """Keeps every row until `load`; it never reads the tables, which must be empty when a replay begins."""

    def __init__(self) -> None:
        self._tables: dict[type, _Rows] = {}

    def insert(self, record_type: type[R], records: Sequence[R]) -> None:
        rows = self._rows(record_type)
        for record in records:
            rows.add(rows.own(record))

    def find(self, record_type: type[R], where: Where) -> list[R]:
        rows = self._rows(record_type)
        found = rows.find(where)
        if len(found) > 1:
            found.sort(key=rows.sort_key)
        return [rows.lend(record) for record in found]

    def save(self, record_type: type[R], record: R, before: Mapping[str, Any]) -> None:
        rows = self._rows(record_type)
        own = rows.owned(record)
        before = rows.table.values(own)
        rows.table.overwrite(own, record)
        rows.reindex(own, before)

    def delete(self, record_type: type[R], record: R) -> None:
        rows = self._rows(record_type)
        rows.remove(rows.owned(record))

    def update_all(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        rows = self._rows(record_type)
        rows.table.check(changes)
        for record in rows.find(where):
            before = rows.table.values(record)
            for name, value in changes.items():
                vars(record)[name] = value
            rows.reindex(record, before)

    def delete_all(self, record_type: type[R], where: Where) -> None:
        rows = self._rows(record_type)
        for record in rows.find(where):
            rows.remove(record)

    def execute_sql(self, statement: TextClause, parameters: Mapping[str, Any]) -> CursorResult[Any]:
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

    def _rows(self, record_type: type[Any]) -> _Rows:
        rows = self._tables.get(record_type)
        if rows is None:
            rows = self._tables[record_type] = _Rows(record_table(record_type))
        return rows


class _Rows:
    """The records of one class, by identity, with an index for each column that a condition named."""

    def __init__(self, table: RecordTable[Any]) -> None:
        self.table = table
        self._records: dict[int, Any] = {}
        self._indexes: dict[str, dict[Any, dict[int, Any]]] = {}

    def own(self, record: Any) -> Any:
        """A copy to keep: what the projector does to its record later counts only when it is saved, as it does live."""
        kept = self.table.copy(record)
        vars(record)[_OWN] = kept
        return kept

    def lend(self, kept: Any) -> Any:
        """A copy for the projector, who may change it."""
        record = self.table.copy(kept)
        vars(record)[_OWN] = kept
        return record

    def owned(self, record: Any) -> Any:
        """What was kept for a record that the projector has."""
        return _held(record, _OWN) or record

    def add(self, record: Any) -> None:
        self._records[id(record)] = record
        for name, index in self._indexes.items():
            index.setdefault(_held(record, name), {})[id(record)] = record

    def remove(self, record: Any) -> None:
        if self._records.pop(id(record), None) is None:
            key = self.table.identity(self.table.values(record))
            for twin in self.find(key):
                self.remove(twin)
            return
        for name, index in self._indexes.items():
            index[_held(record, name)].pop(id(record), None)

    def reindex(self, record: Any, before: Mapping[str, Any]) -> None:
        for name, index in self._indexes.items():
            old, new = before.get(name), _held(record, name)
            if old != new:
                index[old].pop(id(record), None)
                index.setdefault(new, {})[id(record)] = record

    def find(self, where: Where) -> list[Any]:
        self.table.check(where)
        candidates = [self._candidates(name, value) for name, value in where.items()]
        if not candidates:
            return list(self._records.values())
        smallest = min(candidates, key=len)
        return [
            record
            for record in list(smallest.values())
            if all(_matches(_held(record, name), value) for name, value in where.items())
        ]

    def all(self) -> list[dict[str, Any]]:
        return [self.table.values(record) for record in self._records.values()]

    def sort_key(self, record: Any) -> tuple[Any, ...]:
        return tuple((value is not None, value) for value in [_held(record, name) for name in self.table.key])

    def load(self, connection: Connection) -> int:
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for record in self._records.values():
            row = self.table.row(self.table.values(record))
            by_columns.setdefault(tuple(row), []).append(row)
        for rows in by_columns.values():
            for start in range(0, len(rows), _ROWS_A_STATEMENT):
                connection.execute(insert(self.table.table), rows[start : start + _ROWS_A_STATEMENT])
        return len(self._records)

    def _candidates(self, name: str, value: Any) -> Mapping[int, Any]:
        wanted: Iterable[Any] = value if is_any_of(value) else (value,)
        try:
            index = self._index(name)
            found = [index.get(item, {}) for item in wanted]
        except TypeError:  # a value that cannot be hashed, such as a list in a JSON column
            return self._records
        if len(found) == 1:
            return found[0]
        return {key: record for part in found for key, record in part.items()}

    def _index(self, name: str) -> dict[Any, dict[int, Any]]:
        index = self._indexes.get(name)
        if index is None:
            index = dict[Any, dict[int, Any]]()
            for key, record in self._records.items():
                index.setdefault(_held(record, name), {})[key] = record
            self._indexes[name] = index
        return index


def _held(record: object, name: str) -> Any:
    return vars(record).get(name)


def _matches(actual: Any, value: Any) -> bool:
    return actual in value if is_any_of(value) else bool(actual == value)
