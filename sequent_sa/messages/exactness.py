"""Values that msgspec writes and reads back as themselves: looking is five times cheaper than trying."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any, get_args

from sequent_sa.messages.attributes import Kind, Shape, shapes_of
from sequent_sa.messages.checks import contains

Test = Callable[[Any], bool]

_LEAST, _MOST = -(2**63), 2**64 - 1


def exact(shape: Shape) -> Test:
    """A test that is true for values that are exactly of this shape, so that writing and reading changes nothing.

    What the text of a value may have in it, such as NUL, is for whoever writes it to see.
    """
    test = _exact(shape)
    if not shape.nullable:
        return test
    return lambda value: value is None or test(value)


def _exact(shape: Shape) -> Test:
    target: Any = shape.type
    match shape.kind:
        case Kind.SCALAR:
            return _SCALARS.get(target, partial(_is, target))
        case Kind.ENUM:
            return partial(_is, target)
        case Kind.LITERAL:
            known = get_args(target)
            return lambda value: any(value.__class__ is each.__class__ and value == each for each in known)
        case Kind.SECRET:
            return lambda value: value.__class__ is target and value.is_hashed
        case Kind.NESTED:
            return _Nested(target)
        case Kind.CUSTOM:
            return lambda _value: False
        case _:
            return _container(shape)


def _container(shape: Shape) -> Test:
    assert shape.item is not None
    item = exact(shape.item)
    if shape.kind is Kind.LIST:
        return lambda value: value.__class__ is list and all(map(item, value))
    return lambda value: (
        value.__class__ is dict and all(key.__class__ is str for key in value) and all(map(item, value.values()))
    )


class _Nested:
    """Looks into value objects; what is in them is asked for on first use, since they may hold their own kind."""

    def __init__(self, value_object: Any) -> None:
        self._type = value_object
        self._tests: list[tuple[str, Test]] | None = None

    def __call__(self, value: Any) -> bool:
        if value.__class__ is not self._type:
            return False
        if self._tests is None:
            self._tests = [(name, exact(shape)) for name, shape in shapes_of(self._type).items()]
        return all(test(getattr(value, name)) for name, test in self._tests)


def _is(target: type, value: object) -> bool:
    return value.__class__ is target


_SCALARS: dict[Any, Test] = {
    int: lambda value: value.__class__ is int and _LEAST <= value <= _MOST,
    float: lambda value: value.__class__ is float and isfinite(value),
    Decimal: lambda value: value.__class__ is Decimal and value.is_finite(),
    datetime: lambda value: value.__class__ is datetime and value.tzinfo is UTC,
}


def finite(shape: Shape) -> Test | None:
    """A test that no decimal in a value is NaN or infinite, which msgspec reads; None where there are no decimals."""
    if shape.kind is Kind.SCALAR:
        return (lambda value: value is None or value.is_finite()) if shape.type is Decimal else None
    if shape.kind is Kind.NESTED:
        return _NestedFinite(shape.type) if contains(shape.type, lambda leaf: leaf.type is Decimal) else None
    item = None if shape.item is None else finite(shape.item)
    if item is None:
        return None
    if shape.kind is Kind.LIST:
        return lambda value: value is None or all(map(item, value))
    return lambda value: value is None or all(map(item, value.values()))


class _NestedFinite:
    def __init__(self, value_object: Any) -> None:
        self._type = value_object
        self._tests: list[tuple[str, Test]] | None = None

    def __call__(self, value: Any) -> bool:
        if self._tests is None:
            found = [(name, finite(shape)) for name, shape in shapes_of(self._type).items()]
            self._tests = [(name, test) for name, test in found if test is not None]
        return value is None or all(test(getattr(value, name)) for name, test in self._tests)
