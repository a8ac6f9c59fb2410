"""Which server defaults are known without asking the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, DefaultClause

_LITERAL = re.compile(r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>[-+]?[\d.]+|true|false|null))\s*", re.IGNORECASE)
_READ: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    Decimal: Decimal,
    bool: lambda text: {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}[text.lower()],
}


def constant_default(column: Column[Any]) -> tuple[Any] | None:
    """The value that the database gives a row that has none, in a tuple; None when only the database knows it."""
    default = column.server_default
    if not isinstance(default, DefaultClause):
        return None
    if isinstance(default.arg, str):
        return _read(column, default.arg)
    found = _LITERAL.fullmatch(str(default.arg))
    if found is None:
        return None
    if found["text"] is not None:
        return _read(column, found["text"].replace("''", "'"))
    return (None,) if found["bare"].lower() == "null" else _read(column, found["bare"])


def _read(column: Column[Any], text: str) -> tuple[Any] | None:
    try:
        return (_READ[column.type.python_type](text),)
    except (KeyError, ValueError, ArithmeticError, NotImplementedError):
        return None  # of another type, or written in a way that the database reads by itself
