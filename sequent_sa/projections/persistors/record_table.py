"""A record class as its table: which attribute is which column, and records to and from values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from enum import Enum
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import JSON, Column, ColumnElement, Table, inspect, null
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import immutabledict

from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.constant_defaults import constant_default

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
        self._names = frozenset(self.columns)
        self.of_database = tuple(name for name, column in self.columns.items() if self._is_of_database(column))
        self.constants = {
            name: found[0] for name in self.of_database if (found := constant_default(self.columns[name])) is not None
        }
        self._defaults: list[tuple[str, Any]] = [
            (name, column.default) for name, column in self.columns.items() if column.default is not None
        ]
        self._copies_moment = {"created_at", "updated_at"} <= self._names and "updated_at" not in self.of_database
        self._bind_types: dict[str, TypeEngine[Any]] = {}
        self._manager = mapper.class_manager
        self.constrained = self._constrained({column.key: name for name, column in self.columns.items()})

    def _is_of_database(self, column: Column[Any]) -> bool:
        return (
            column.server_default is not None
            or column.computed is not None
            or column is self.table.autoincrement_column
        )

    def check(self, names: Mapping[str, object]) -> None:
        """Raise `ProjectorError` for names that are no columns of the record."""
        if self._names.issuperset(names):
            return
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
        """Set the column defaults that Python can make, where the record has no value; `updated_at` is `created_at`."""
        held = vars(record)
        for name, default in self._defaults:
            if held.get(name) is not None:
                continue
            if default.is_scalar:
                setattr(record, name, default.arg)
            elif default.is_callable:
                setattr(record, name, default.arg(None))
        if self._copies_moment and held.get("updated_at") is None and held.get("created_at") is not None:
            setattr(record, "updated_at", held["created_at"])  # noqa: B010 - R need not have it

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by the names of the columns in the database's table; None is NULL."""
        return {self.columns[name].key: null() if value is None else value for name, value in values.items()}

    def generated(self, values: Mapping[str, Any]) -> list[Column[Any]]:
        """The columns that the database will fill, because there is no value for them."""
        return [self.columns[name] for name in self.of_database if name not in values]

    def bind_type(self, name: str) -> TypeEngine[Any]:
        """The type of a column's parameters: None is NULL in JSON columns too, as a condition on None expects."""
        known = self._bind_types.get(name)
        if known is None:
            known = self._bind_types[name] = null_for_none(self.columns[name].type)
        return known

    def load(self, row: Sequence[Any]) -> R:
        """A record that belongs to no session, from a row with the columns in the order of `columns`."""
        record = self._manager.new_instance()
        for name, value in zip(self.columns, row, strict=True):
            set_committed_value(record, name, value)
        return record

    def new(self, values: Mapping[str, Any]) -> R:
        """A record that belongs to no session. Later changes of its values reach nobody else."""
        record = self._manager.new_instance()
        held: dict[str, Any] = vars(record)
        for name, value in values.items():
            held[name] = deepcopy(value) if type(value) in (list, dict) else value
        return record

    def sort_key(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """What orders rows by primary key, the same on every database, whose collations differ."""
        return tuple((value is not None, _orderable(value)) for value in map(values.get, self.key))

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


def null_for_none(of: TypeEngine[Any]) -> TypeEngine[Any]:
    """A type for whose parameters None is NULL; JSON would otherwise store it as JSON's own null."""
    changed: Any = copy(of)
    if isinstance(of, JSON):
        changed.none_as_null = True
    variants: Mapping[str, TypeEngine[Any]] = changed._variant_mapping
    changed._variant_mapping = immutabledict({name: null_for_none(variant) for name, variant in variants.items()})
    result: TypeEngine[Any] = changed
    return result


def is_expression(value: object) -> bool:
    """Whether a value is for the database to work out."""
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


def is_any_of(value: object) -> bool:
    """Whether a value in a `where` means any of several."""
    return isinstance(value, list | tuple | set | frozenset)


def _orderable(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value


def _condition(column: Column[Any], value: Any) -> ColumnElement[bool]:
    if not is_any_of(value):
        return column.is_(None) if value is None else column == value
    present = [item for item in value if item is not None]
    condition: ColumnElement[bool] = column.in_(present)
    return condition if len(present) == len(value) else condition | column.is_(None)
