"""Column types that keep a value exactly as it is, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, JSON, BigInteger, DateTime, Dialect, Integer, Numeric, SmallInteger, Text, cast
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler, TypeCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from sequent_sa.exceptions import ValueNotStorable

# SQLite numbers rows by itself only in a column declared INTEGER.
BigId = BigInteger().with_variant(Integer(), "sqlite")
SmallId = SmallInteger().with_variant(Integer(), "sqlite")

PlainJSON = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Small documents of the framework's own, as Python values."""

TextList = ARRAY(Text()).with_variant(JSON(), "sqlite")


class EncodedJSON(UserDefinedType[str]):
    """JSON as text that somebody else encodes and decodes: jsonb on PostgreSQL, TEXT on SQLite.

    Parameters and results are `str` on both.
    """

    cache_ok = True
    render_bind_cast = True

    @property
    def python_type(self) -> type[Any]:
        return str

    def column_expression(self, colexpr: ColumnElement[Any]) -> ColumnElement[Any]:
        # psycopg would parse jsonb into Python objects.
        return cast(colexpr, Text())


@compiles(EncodedJSON)
def _encoded_json(_type: EncodedJSON, _compiler: TypeCompiler, **_: object) -> str:
    return "TEXT"


@compiles(EncodedJSON, "postgresql")
def _encoded_json_on_postgresql(_type: EncodedJSON, _compiler: TypeCompiler, **_: object) -> str:
    return "JSONB"


class _NotStorable(ValueNotStorable, DontWrapMixin):
    """`ValueNotStorable`, as it is, without SQLAlchemy's StatementError around it."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with microseconds: timestamptz on PostgreSQL, ISO text in UTC (which sorts) on SQLite.

    Results are timezone-aware, in UTC. Raises `ValueNotStorable` for a naive datetime: which moment is meant could
    only be guessed.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text() if dialect.name == "sqlite" else self.impl_instance

    def bind_processor(self, dialect: Dialect) -> Any:
        # Called without the two calls that SQLAlchemy puts around the method below, for each event.
        return _moment_as_text if dialect.name == "sqlite" else _moment_in_utc

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return _moment_as_text(value) if dialect.name == "sqlite" else _moment_in_utc(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


def _moment_in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise _NotStorable(value, "give it a time zone, as in `datetime.now(UTC)`")
    return value.astimezone(UTC)


def _moment_as_text(value: datetime | None) -> str | None:
    in_utc = _moment_in_utc(value)
    return None if in_utc is None else in_utc.isoformat(timespec="microseconds")


class AnyMoment(UserDefinedType[datetime]):
    """What `UtcDateTime` stores, for whoever reads very many of them: aware, but in whatever time zone they come."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return datetime.fromisoformat if dialect.name == "sqlite" else None


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal number: NUMERIC on PostgreSQL, its text on SQLite, whose own numbers are binary.

    `precision` and `scale` are those of NUMERIC, and PostgreSQL rounds to them; without them every digit is kept.
    On SQLite values compare and sort as text: do arithmetic and ordering in Python there. Raises
    `ValueNotStorable` for a float, which is already inexact.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int | None = None, scale: int | None = None) -> None:
        super().__init__(precision, scale)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text() if dialect.name == "sqlite" else self.impl_instance

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if not isinstance(value, Decimal | int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _NotStorable(value, "make it a Decimal, as in `Decimal('1.10')`")
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class current_moment(FunctionElement[datetime]):
    """Now, by the database's clock, as `UtcDateTime` stores it."""

    inherit_cache = True


@compiles(current_moment)
def _current_moment(_element: current_moment, _compiler: SQLCompiler, **_: object) -> str:
    return "now()"


@compiles(current_moment, "sqlite")
def _current_moment_on_sqlite(_element: current_moment, _compiler: SQLCompiler, **_: object) -> str:
    return "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"


class current_transaction_id(FunctionElement[int]):
    """The id of the transaction on PostgreSQL; SQLite has none."""

    inherit_cache = True


@compiles(current_transaction_id)
def _current_transaction_id(_element: current_transaction_id, _compiler: SQLCompiler, **_: object) -> str:
    return "pg_current_xact_id()::text::bigint"


@compiles(current_transaction_id, "sqlite")
def _no_transaction_id(_element: current_transaction_id, _compiler: SQLCompiler, **_: object) -> str:
    return "NULL"
