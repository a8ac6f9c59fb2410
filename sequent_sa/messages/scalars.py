"""Reading one scalar value: strictly from users, with more patience from what is stored."""

# Narrowing Any leaves unknown types.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec

from sequent_sa.messages.attributes import in_utc
from sequent_sa.messages.storable import is_huge

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_AWARE_MOMENT: Any = Annotated[datetime, msgspec.Meta(tz=True)]


def is_blank(value: object) -> bool:
    """Whether the value is text of which nothing can be seen."""
    return isinstance(value, str) and not value.strip()


def _read_text(value: Any, stored: bool) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float | Decimal) and (stored or not isinstance(value, bool)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    raise ValueError(value)


def _read_integer(value: Any, stored: bool) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if stored and isinstance(value, float | Decimal) and not is_huge(value) and value == int(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and not is_huge(value):
        return int(value)
    raise ValueError(value)


def _read_float(value: Any, _stored: bool) -> float:
    if (isinstance(value, str) and _NUMBER.fullmatch(value)) or (
        isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    ):
        number = float(value)
        if isfinite(number):
            return number
    raise ValueError(value)


def _read_decimal(value: Any, stored: bool) -> Decimal:
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str) and (stored or _NUMBER.fullmatch(value)):
        number = Decimal(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(str(value))
    else:
        raise ValueError(value)
    if not number.is_finite() or (not stored and is_huge(number)):
        raise ValueError(value)
    return number


def _read_boolean(value: Any, _stored: bool) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(value)


def _read_date(value: Any, _stored: bool) -> date:
    if type(value) is date or isinstance(value, str):
        return msgspec.convert(value, date)
    raise ValueError(value)


def _read_moment(value: Any, stored: bool) -> datetime:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("naive")
        return cast("datetime", in_utc(value))
    if stored and isinstance(value, str) and _DATE.fullmatch(value):
        midnight = date.fromisoformat(value)
        return datetime(midnight.year, midnight.month, midnight.day, tzinfo=UTC)
    if isinstance(value, str):
        return cast("datetime", in_utc(msgspec.convert(value, _AWARE_MOMENT)))
    raise ValueError(value)


def _read_uuid(value: Any, _stored: bool) -> UUID:
    if isinstance(value, UUID):
        return value
    return msgspec.convert(value, UUID)


READERS: Mapping[type, Callable[[Any, bool], Any]] = {
    str: _read_text,
    int: _read_integer,
    float: _read_float,
    Decimal: _read_decimal,
    bool: _read_boolean,
    date: _read_date,
    datetime: _read_moment,
    UUID: _read_uuid,
}
"""By type: makes a value of it, or raises. The second argument says whether the value was stored."""
