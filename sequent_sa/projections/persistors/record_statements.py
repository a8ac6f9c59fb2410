"""The statements about the rows of one record class, each shape of them compiled once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any, NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, ColumnElement, bindparam, delete, false, insert, select, update

from sequent_sa.dialects import BoundStatement, Statement
from sequent_sa.projections.persistors.record_table import RecordTable, Where, is_any_of, is_expression

R = TypeVar("R")

_MOST_SHAPES = 500  # lists of many lengths could otherwise fill the memory


class _Condition(NamedTuple):
    name: str
    values: int | None  # None: equal to one value; otherwise in a list of so many
    or_null: bool


class RecordStatements:
    """SELECT, INSERT, UPDATE and DELETE for one table. Values are parameters, named after their place."""

    def __init__(self, table: RecordTable[Any]) -> None:
        self._table = table
        self._known: dict[object, Statement] = {}

    def select(self, where: Where) -> BoundStatement:
        """All columns of the rows that match."""
        return self._statement("select", {}, where)

    def insert(self, values: Mapping[str, Any]) -> BoundStatement:
        """Store a row with these values."""
        return self._statement("insert", values, {})

    def update(self, where: Where, values: Mapping[str, Any]) -> BoundStatement:
        """Change the rows that match."""
        return self._statement("update", values, where)

    def delete(self, where: Where) -> BoundStatement:
        """Remove the rows that match."""
        return self._statement("delete", {}, where)

    def _statement(self, operation: str, values: Mapping[str, Any], where: Where) -> BoundStatement:
        conditions, parameters = _conditions(where)
        parameters.update({f"v{place}": own(value) for place, value in enumerate(values.values())})
        if any(is_expression(value) for value in (*values.values(), *where.values())):
            parameters = {name: value for name, value in parameters.items() if not is_expression(value)}
            return BoundStatement(self._made(operation, values, conditions, where), parameters)
        shape = (operation, tuple(values), conditions)
        statement = self._known.get(shape)
        if statement is None:
            statement = self._made(operation, values, conditions, where)
            if len(self._known) < _MOST_SHAPES:
                self._known[shape] = statement
        return BoundStatement(statement, parameters)

    def _made(
        self, operation: str, values: Mapping[str, Any], conditions: Collection[_Condition], where: Where
    ) -> Statement:
        table, columns = self._table.table, self._table.columns
        given = {
            columns[name].key: value if is_expression(value) else self._parameter(f"v{place}", name)
            for place, (name, value) in enumerate(values.items())
        }
        if operation == "insert":
            return Statement(insert(table).values(given))
        matching = [
            self._condition(place, condition, where[condition.name]) for place, condition in enumerate(conditions)
        ]
        if operation == "select":
            return Statement(select(*columns.values()).where(*matching))
        if operation == "update":
            return Statement(update(table).where(*matching).values(given))
        return Statement(delete(table).where(*matching))

    def _parameter(self, parameter: str, name: str) -> BindParameter[Any]:
        return bindparam(parameter, type_=self._table.bind_type(name))

    def _condition(self, place: int, condition: _Condition, value: Any) -> ColumnElement[bool]:
        column = self._table.columns[condition.name]
        if is_expression(value):
            return cast("ColumnElement[bool]", column == value)
        if condition.values is None:
            return column.is_(None) if condition.or_null else column == self._parameter(f"w{place}", condition.name)
        parameters = [self._parameter(f"w{place}_{number}", condition.name) for number in range(condition.values)]
        among = column.in_(parameters) if parameters else false()
        return among | column.is_(None) if condition.or_null else among


def own(value: object) -> object:
    """A value that nobody changes between now and when it is sent."""
    return deepcopy(value) if type(value) in (list, dict) else value


def _conditions(where: Where) -> tuple[tuple[_Condition, ...], dict[str, object]]:
    conditions: list[_Condition] = []
    parameters: dict[str, object] = {}
    for place, (name, value) in enumerate(where.items()):
        if not is_any_of(value):
            conditions.append(_Condition(name, None, value is None))
            if value is not None:
                parameters[f"w{place}"] = value
            continue
        items = list(cast("Collection[object]", value))
        present = [item for item in items if item is not None]
        conditions.append(_Condition(name, len(present), len(present) < len(items)))
        parameters.update({f"w{place}_{number}": item for number, item in enumerate(present)})
    return tuple(conditions), parameters


_known: WeakKeyDictionary[RecordTable[Any], RecordStatements] = WeakKeyDictionary()


def record_statements(table: RecordTable[R]) -> RecordStatements:
    """The statements for a record class."""
    statements = _known.get(table)
    if statements is None:
        statements = _known[table] = RecordStatements(table)
    return statements
