"""Columns that keep a value exactly as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, select

from sequent_sa.exceptions import ValueNotStorable
from sequent_sa.tables import EncodedJSON, ExactDecimal, UtcDateTime
from tests.databases import Database

values = Table(
    "exact_values",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("moment", UtcDateTime),
    Column("number", ExactDecimal),
    Column("document", EncodedJSON),
)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction with an empty table."""
    with database.engine.begin() as connection:
        values.create(connection)
        yield connection


def _kept(connection: Connection, name: str, value: object) -> object:
    connection.execute(insert(values), {name: value})
    kept: object = connection.scalar(select(values.c[name]))
    return kept


@pytest.mark.parametrize("hours", [0, 5, -11])
def test_a_moment_comes_back_in_utc(connection: Connection, hours: int) -> None:
    """Any time zone may be given; the same moment comes back, to the microsecond, in UTC."""
    given = datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=timezone(timedelta(hours=hours)))
    actual = _kept(connection, "moment", given)
    assert isinstance(actual, datetime)
    assert (given, UTC) == (actual, actual.tzinfo)


def test_moments_compare_in_the_database(connection: Connection) -> None:
    """Moments from different zones are ordered by when they were."""
    early = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    late = datetime(2026, 1, 1, 8, tzinfo=UTC)
    connection.execute(insert(values), [{"moment": late}, {"moment": early}])
    moment = values.c.moment
    assert [early, late] == list(connection.scalars(select(moment).order_by(moment)))
    assert [late] == list(connection.scalars(select(moment).where(moment > early)))


def test_a_naive_moment_is_refused(connection: Connection) -> None:
    """Without a time zone nobody knows which moment is meant."""
    with pytest.raises(ValueNotStorable, match="time zone"):
        _kept(connection, "moment", datetime(2026, 1, 1))  # noqa: DTZ001 (that is what is tested)


@pytest.mark.parametrize("digits", ["0.1", "1.10", "-12345678901234567890.123456789", "1E+3"])
def test_a_decimal_keeps_its_digits(connection: Connection, digits: str) -> None:
    """Numbers come back equal, not through binary fractions."""
    actual = _kept(connection, "number", Decimal(digits))
    assert isinstance(actual, Decimal)
    assert Decimal(digits) == actual


def test_a_float_is_refused_as_a_decimal(connection: Connection) -> None:
    """A float is inexact before it arrives."""
    with pytest.raises(ValueNotStorable, match="Decimal"):
        _kept(connection, "number", 0.1)


@pytest.mark.parametrize("name", ["moment", "number", "document"])
def test_nothing_stays_nothing(connection: Connection, name: str) -> None:
    """NULL is None on the way in and out."""
    assert _kept(connection, name, None) is None


def test_encoded_json_is_text_on_both_sides(connection: Connection) -> None:
    """What is stored is not encoded again, and what comes back is not decoded."""
    assert _kept(connection, "document", '{"a": null}') == '{"a": null}'
