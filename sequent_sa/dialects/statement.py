"""Statements that are compiled once, and sent through the driver from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from operator import itemgetter
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary, ref

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    CompoundSelect,
    Connection,
    Dialect,
    Executable,
    Insert,
    Select,
)
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, object]
Parameters = Values | Sequence[Values] | None
"""Values by the names of the statement's parameters; several of them mean that it is executed for each."""

Process = Callable[[Any], Any]
Schemas = Mapping[str | None, str | None]
"""What the schemas in a statement are called in the database, where that is something else."""

_UNCHANGED: Schemas = {}


class Statement:
    """One statement with named parameters, compiled once for each kind of connection.

    What takes SQLAlchemy Core longest is to find out, each time anew, that it has compiled a statement before.
    """

    def __init__(self, executable: Executable) -> None:
        # Nobody asks a burst for the keys that the database makes.
        self.executable = executable.inline() if isinstance(executable, Insert) else executable
        self._compiled: WeakKeyDictionary[Dialect, dict[object, CompiledStatement]] = WeakKeyDictionary()
        self._latest: tuple[ref[Dialect], Schemas, CompiledStatement] | None = None

    def compiled(self, connection: Connection) -> CompiledStatement:
        """The statement as this connection's database understands it."""
        return self.compiled_for(connection.dialect, schemas_of(connection))

    def compiled_for(self, dialect: Dialect, schemas: Schemas) -> CompiledStatement:
        """The statement as a database understands it, with other names of schemas."""
        latest = self._latest
        if latest is not None and latest[0]() is dialect and latest[1] == schemas:
            return latest[2]
        compiled = self._known(dialect, schemas)
        self._latest = ref(dialect), schemas, compiled
        return compiled

    def _known(self, dialect: Dialect, schemas: Schemas) -> CompiledStatement:
        known = self._compiled.setdefault(dialect, {})
        key = tuple(schemas.items())
        compiled = known.get(key)
        if compiled is None:
            compiled = known[key] = CompiledStatement(self.executable, dialect, schemas)
        return compiled


class BoundStatement(NamedTuple):
    """A statement with the values for its parameters."""

    statement: Statement
    parameters: Parameters = None


class CompiledStatement:
    """The text of a statement for the driver, with what its values go through on their way in and out."""

    def __init__(self, executable: Executable, dialect: Dialect, schemas: Schemas) -> None:
        options: dict[str, Any] = {"schema_translate_map": schemas, "render_schema_translate": True} if schemas else {}
        options["compile_kwargs"] = {"render_postcompile": True}
        numbered = _numbering(dialect)
        compiled = cast(SQLCompiler, cast(ClauseElement, executable).compile(dialect=numbered, **options))
        self.text = str(compiled)
        self._columns = _selected(executable)
        self._dialect = dialect
        self._outgoing: dict[tuple[Any, ...], list[tuple[int, Process]]] = {}
        self._in_order = _in_order(compiled.positiontup or ()) if compiled.positional else None
        self._fixed: dict[str, Any] = dict(compiled.params)
        self._escaped: Mapping[str, str] = compiled.escaped_bind_names
        self._processors = [
            (name, process)
            for bind, name in compiled.bind_names.items()
            if (process := _incoming(bind, dialect)) is not None
        ]

    def values(self, given: Values) -> Sequence[Any] | Mapping[str, Any]:
        """The parameters as the driver wants them."""
        values = {**self._fixed, **given}
        for name, process in self._processors:
            values[name] = process(values[name])
        if self._in_order is not None:
            return self._in_order(values)
        if self._escaped:
            return {self._escaped.get(name, name): value for name, value in values.items()}
        return values

    def rows(self, found: Sequence[Sequence[Any]], description: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Rows as they come from the driver, with the values that the columns stand for.

        `description` is what the driver's cursor says about the columns.
        """
        codes = tuple(column[1] for column in description)
        outgoing = self._outgoing.get(codes)
        if outgoing is None:
            outgoing = self._outgoing[codes] = _outgoing(self._columns, self._dialect, codes)
        if not outgoing or not found:
            return found
        columns = list(zip(*found, strict=True))
        for index, process in outgoing:
            columns[index] = tuple(map(process, columns[index]))
        return list(zip(*columns, strict=True))


def schemas_of(connection: Connection) -> Schemas:
    """What schemas are called on a connection."""
    return connection.get_execution_options().get("schema_translate_map") or _UNCHANGED


def _in_order(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _numbering(dialect: Dialect) -> Dialect:
    # libpq knows parameters by number only; it would be psycopg that replaces names, each time anew.
    if dialect.paramstyle != "pyformat":
        return dialect
    numbering = copy(dialect)
    numbering.paramstyle = "numeric_dollar"
    numbering.positional = True
    numbering.identifier_preparer = numbering.preparer(numbering)
    return numbering


def _outgoing(
    columns: Sequence[ColumnElement[Any]], dialect: Dialect, codes: Sequence[Any]
) -> list[tuple[int, Process]]:
    processors = [
        column.type.dialect_impl(dialect).result_processor(dialect, code)
        for column, code in zip(columns, codes, strict=False)
    ]
    return [(index, process) for index, process in enumerate(processors) if process is not None]


def _selected(executable: Executable) -> Sequence[ColumnElement[Any]]:
    columns: Sequence[ColumnElement[Any]] = tuple(getattr(executable, "selected_columns", ()))
    return columns if isinstance(executable, Select | CompoundSelect) else ()


def _incoming(bind: BindParameter[Any], dialect: Dialect) -> Process | None:
    return cast("Process | None", bind.type.dialect_impl(dialect).bind_processor(dialect))
