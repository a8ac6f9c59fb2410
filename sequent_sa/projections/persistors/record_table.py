"""A record class as its table: which attribute is which column, and records to and from values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Column, ColumnElement, Table, inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.elements import ClauseElement

from sequent_sa.exceptions import ProjectorError

R = TypeVar("R")
Where = Mapping[str, object]


class RecordTable(Generic[R]):
    """One mapped class. Use `record_table` to get it."""

    def __init__(self, record_type: type[R]) -> None:
        mapper = cast("Mapper[R]", inspect(record_type))
        self.record_type = record_type
        self.table = cast(Table, mapper.local_table)
        self.columns: dict[str, Column[Any]] = {
            prop.key: cast("Column[Any]", prop.columns[0]) for prop in mapper.column_attrs
        }
        names = {column: name for name, column in self.columns.items()}
        self.key: tuple[str, ...] = tuple(names[cast("Column[Any]", column)] for column in mapper.primary_key)
        self._manager = mapper.class_manager
        self.constrained = self._constrained({column.key: name for name, column in self.columns.items()})

    def check(self, names: Mapping[str, object]) -> None:
        """Raise `ProjectorError` for names that are no columns of the record."""
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise ProjectorError(
                f"{self.record_type.__name__} has no column {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(self.columns)}"
            )

    def values(self, record: R) -> dict[str, Any]:
        """The values that a record holds, by attribute; what the database will generate is left out."""
        held = vars(record)
        return {name: held[name] for name in self.columns if name in held}

    def _constrained(self, names: Mapping[str, str]) -> frozenset[str] | None:
        if any(column.onupdate is not None or column.server_onupdate is not None for column in self.columns.values()):
            return None
        found = {column for constraint in self.table.constraints for column in getattr(constraint, "columns", ())}
        unique = [index for index in self.table.indexes if index.unique]
        if any(len(index.columns) != len(index.expressions) for index in unique):
            return None
        found.update(column for index in unique for column in index.columns)
        return frozenset(names[column.key] for column in found if column.key in names)

    def with_updates(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes of a row, with the values that Python makes for columns that change with every update."""
        made: dict[str, Any] = {}
        for name, column in self.columns.items():
            if name not in changes and column.onupdate is not None:
                if column.onupdate.is_scalar:
                    made[name] = column.onupdate.arg  # type: ignore[attr-defined]
                elif column.onupdate.is_callable:
                    made[name] = column.onupdate.arg(None)  # type: ignore[attr-defined]
        return {**changes, **made}

    def fill_defaults(self, record: R) -> None:
        """Set the column defaults that Python can make, where the record has no value."""
        held = vars(record)
        for name, column in self.columns.items():
            default = column.default
            if name in held and (held[name] is not None or default is None):
                continue
            if default is not None and default.is_scalar:
                setattr(record, name, default.arg)  # type: ignore[attr-defined]
            elif default is not None and default.is_callable:
                setattr(record, name, default.arg(None))  # type: ignore[attr-defined]

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by the names of the columns in the database's table."""
        return {self.columns[name].key: value for name, value in values.items()}

    def generated(self, values: Mapping[str, Any]) -> list[Column[Any]]:
        """The columns that the database will fill, because there is no value for them."""
        return [
            column
            for name, column in self.columns.items()
            if name not in values
            and (column.server_default is not None or column.computed is not None or column is self._autoincrement)
        ]

    @property
    def _autoincrement(self) -> Column[Any] | None:
        return cast("Column[Any] | None", self.table.autoincrement_column)

    def load(self, row: Sequence[Any]) -> R:
        """A record that belongs to no session, from a row with the columns in the order of `columns`."""
        record = self._manager.new_instance()
        for name, value in zip(self.columns, row, strict=True):
            set_committed_value(record, name, value)
        return record

    def copy(self, record: R) -> R:
        """A record of its own with the same values."""
        twin = self._manager.new_instance()
        self.overwrite(twin, record)
        return twin

    def overwrite(self, record: R, other: R) -> None:
        """Give a record the values of another; later changes of either do not reach the other."""
        values: dict[str, Any] = vars(record)
        for name, value in self.values(other).items():
            values[name] = deepcopy(value) if type(value) in (list, dict) else value

    def matching(self, where: Where) -> list[ColumnElement[bool]]:
        """Conditions for a mapping of attributes to values, a list of values meaning any of them."""
        self.check(where)
        return [_condition(self.columns[name], value) for name, value in where.items()]

    def identity(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The part of some values that is the primary key."""
        return {name: values.get(name) for name in self.key}


_known: WeakKeyDictionary[type[Any], RecordTable[Any]] = WeakKeyDictionary()


def record_table(record_type: type[R]) -> RecordTable[R]:
    """The table of a record class, worked out once."""
    table = _known.get(record_type)
    if table is None:
        table = _known[record_type] = RecordTable(record_type)
    return table


def is_expression(value: object) -> bool:
    """Whether a value is for the database to work out."""
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


def is_any_of(value: object) -> bool:
    """Whether a value in a `where` means any of several."""
    return isinstance(value, list | tuple | set | frozenset)


def _condition(column: Column[Any], value: Any) -> ColumnElement[bool]:
    if not is_any_of(value):
        return column.is_(None) if value is None else column == value
    present = [item for item in value if item is not None]
    condition: ColumnElement[bool] = column.in_(present)
    return condition if len(present) == len(value) else condition | column.is_(None)
