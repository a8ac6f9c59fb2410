"""The rows of one table that are not in the database yet, with an index for each column that a condition named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from types import NoneType
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm.attributes import instance_state

from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.record_table import RecordTable, Where, is_any_of, is_expression

Row = dict[str, Any]
"""The values of a row by attribute; what the database will make is missing."""

_KEPT = "_sequent_row"
_NONE = object()
_NOTHING = object()
_PLAIN = frozenset({str, int, bool, float, bytes, NoneType, UUID, datetime, date, Decimal})


class RowsInMemory:
    """Rows by primary key, and those whose key only the database will know."""

    def __init__(self, table: RecordTable[Any]) -> None:
        self.table = table
        self._by_key: dict[Any, Row] = {}
        self._without_key: dict[int, Row] = {}
        self._indexes: dict[str, dict[Any, dict[int, Row]]] = {}
        self._of_database: set[str] = set()
        self._only_key = table.key[0] if len(table.key) == 1 else None
        self._moved_by: set[str] = set(table.key)
        self._blank: Row = dict.fromkeys(table.columns)
        self._last_key: object = _NONE
        self._last_row: Row = {}
        self._updates_itself = any(column.onupdate is not None for column in table.columns.values())
        self._settable = self._all_settable()

    def add(self, record: object) -> None:
        """Keep the values of a record: what becomes of it later counts only when it is saved.

        Raises `ProjectorError` when there is a row with its key.
        """
        held = vars(record)
        row = self._blank.copy()
        for name, value in held.items():
            if name in row:
                row[name] = value if type(value) in _PLAIN else _own(value)
        for name in self.table.of_database:
            if name not in held:
                self._leave_to_database(record, row, name)
        held[_KEPT] = row
        self._put(row)
        for name, index in self._indexes.items():
            index.setdefault(row.get(name), {})[id(row)] = row

    def lend(self, row: Row) -> Any:
        """A record for the projector, who may change it."""
        record = self.table.new(row)
        vars(record)[_KEPT] = row
        for name in self._of_database:
            if name not in row:
                self._refuse_to_show(record, name)
        return record

    def of(self, record: object, values: Mapping[str, Any]) -> Sequence[Row]:
        """The row that stands for a record which has, or had, these values; none when it is not there."""
        key = self._key(values)
        if key is not None:
            row = self._by_key.get(key)
            return () if row is None else (row,)
        row = vars(record).get(_KEPT)
        return (row,) if row is not None and id(row) in self._without_key else ()

    def change(self, rows: Iterable[Row], changes: Mapping[str, Any]) -> None:
        """Change rows. Raises `ProjectorError` for values that only the database could work out."""
        if self._updates_itself:
            changes = self.table.with_updates(changes)
        plain = {name: _own(value) for name, value in changes.items()}
        if self._moved_by.isdisjoint(plain):
            for row in rows:
                row.update(plain)
            return
        for row in list(rows):
            self._move(row, plain)

    def update(self, where: Where, changes: Mapping[str, Any]) -> None:
        """Change all rows that match."""
        only = self._only_key
        # The events of an aggregate come one after the other, and nearly all of them change its one row.
        if (
            only is not None
            and len(where) == 1
            and where.get(only, _NOTHING) is self._last_key
            and self._settable.issuperset(changes)
        ):
            row = self._last_row
            for name, value in changes.items():
                row[name] = value if type(value) in _PLAIN else _own(value)
            return
        found = self.find(where)
        self.table.check(changes)
        if changes:
            self.change(found, changes)

    def remove(self, rows: Iterable[Row]) -> None:
        """Remove rows."""
        for row in list(rows):
            self._take(row)
            for name, index in self._indexes.items():
                index[row.get(name)].pop(id(row), None)

    def find(self, where: Where) -> Sequence[Row]:
        """All rows that match, in no order. Raises `ProjectorError` for columns that there are not."""
        only = self._only_key
        if only is not None and len(where) == 1 and only in where:
            value = where[only]
            if type(value) in _PLAIN:
                row = self._by_key.get(value)
                if row is None:
                    self._refuse_of_database(where)
                    return ()
                self._last_key, self._last_row = value, row
                return (row,)
        self.table.check(where)
        self._refuse_of_database(where)
        if not where:
            return self.all()
        smallest = min((self._candidates(name, value) for name, value in where.items()), key=len)
        if len(where) == 1 and smallest is not self._without_key:
            ((name, value),) = where.items()
            return [row for row in smallest.values() if _matches(row.get(name), value)]
        return [
            row for row in smallest.values() if all(_matches(row.get(name), value) for name, value in where.items())
        ]

    def sorted(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows ordered by primary key; those without one in the order in which they came."""
        return sorted(rows, key=self.table.sort_key) if len(rows) > 1 else rows

    def all(self) -> list[Row]:
        """All rows, in no order."""
        return [*self._by_key.values(), *self._without_key.values()]

    def load(self, connection: Connection) -> int:
        """Insert all rows into the table. Returns their number."""
        by_columns: dict[tuple[str, ...], list[Row]] = {}
        rows = self.all()
        for row in rows:
            by_columns.setdefault(tuple(row), []).append(row)
        dialect = dialect_of(connection.engine)
        for names, same in by_columns.items():
            types = {self.table.columns[name].name: self.table.bind_type(name) for name in names}
            dialect.load_rows(connection, self.table.table, types, map(_values(names), same))
        return len(rows)

    def _key(self, values: Mapping[str, Any]) -> Any:
        if self._only_key is not None:
            return values.get(self._only_key)
        key = tuple(values.get(name) for name in self.table.key)
        return None if None in key else key

    def _put(self, row: Row) -> None:
        key = self._key(row)
        if key is None:
            self._without_key[id(row)] = row
        elif self._by_key.setdefault(key, row) is not row:
            raise ProjectorError(
                f"{self.table.table.name} has a row with the key {self.table.identity(row)} already: "
                "find it first, or use create_or_update_record"
            )

    def _take(self, row: Row) -> None:
        self._last_key = _NONE
        if self._without_key.pop(id(row), None) is None:
            self._by_key.pop(self._key(row), None)

    def _move(self, row: Row, changes: Row) -> None:
        self._take(row)
        for name, index in self._indexes.items():
            if name in changes:
                index[row.get(name)].pop(id(row), None)
        row.update(changes)
        self._put(row)
        for name, index in self._indexes.items():
            if name in changes:
                index.setdefault(row[name], {})[id(row)] = row

    def _candidates(self, name: str, value: Any) -> Mapping[Any, Row]:
        wanted: Iterable[Any] = value if is_any_of(value) else (value,)
        try:
            if name == self._only_key:
                return {item: self._by_key[item] for item in wanted if item in self._by_key}
            index = self._index(name)
            found = [index.get(item, {}) for item in wanted]
        except TypeError:  # a value that cannot be hashed, such as a list in a JSON column
            return self._by_identity()
        if len(found) == 1:
            return found[0]
        return {key: row for part in found for key, row in part.items()}

    def _by_identity(self) -> Mapping[Any, Row]:
        return {id(row): row for row in self.all()}

    def _index(self, name: str) -> dict[Any, dict[int, Row]]:
        index = self._indexes.get(name)
        if index is None:
            index = dict[Any, dict[int, Row]]()
            for key, row in self._by_identity().items():
                index.setdefault(row.get(name), {})[key] = row
            self._indexes[name] = index
            self._moved_by.add(name)
            self._settable = self._all_settable()
        return index

    def _all_settable(self) -> frozenset[str]:
        """The columns whose values may be changed where the row stands, and nothing else with them."""
        return frozenset() if self._updates_itself else frozenset(self.table.columns) - self._moved_by

    def _leave_to_database(self, record: object, row: Row, name: str) -> None:
        if name in self.table.constants:
            row[name] = self.table.constants[name]
            setattr(record, name, row[name])
        else:
            del row[name]
            self._of_database.add(name)
            self._refuse_to_show(record, name)

    def _refuse_to_show(self, record: object, name: str) -> None:
        def refuse(_state: object, _passive: object) -> NoReturn:
            raise self._unknown([name])

        state: Any = instance_state(record)
        state.callables = {**state.callables, name: refuse}

    def _refuse_of_database(self, where: Where) -> None:
        unknown = self._of_database.intersection(where)
        if unknown:
            raise self._unknown(unknown)

    def _unknown(self, names: Iterable[str]) -> ProjectorError:
        return ProjectorError(
            f"{self.table.record_type.__name__}.{', '.join(sorted(names))} is made by the database, which a "
            'replay asks only at its end: give it a value, or declare the projector with replay_by="store"'
        )


def _values(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    if len(names) == 1:
        only = names[0]
        return lambda row: (row[only],)
    return itemgetter(*names) if names else lambda _row: ()


def _own(value: object) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list or kind is dict:
        return deepcopy(value)
    if is_expression(value):
        raise ProjectorError(
            f"{value} is for the database to work out, which a replay asks only at its end: compute the value in "
            'Python, or declare the projector with replay_by="store"'
        )
    return value


def _matches(actual: Any, value: Any) -> bool:
    return actual in value if is_any_of(value) else bool(actual == value)
