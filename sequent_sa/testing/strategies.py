"""Random messages: hypothesis strategies that are derived from message classes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast, get_args
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from marshmallow import ValidationError, validate

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Kind, Shape, shapes_of
from sequent_sa.messages.checks import contains, run_validators
from sequent_sa.messages.message import Message
from sequent_sa.messages.secret import Secret

M = TypeVar("M", bound=Message)

_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
_TEXT = st.text(_LETTERS, max_size=20)
# What an INTEGER and a NUMERIC(12, 2) column hold: a projection is attacked, not its columns.
_SCALARS: Mapping[Any, SearchStrategy[Any]] = {
    str: _TEXT,
    int: st.integers(-(2**31), 2**31 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False, width=32),
    bool: st.booleans(),
    Decimal: st.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False),
    UUID: st.uuids(),
}
_MOMENTS = st.datetimes(timezones=st.just(UTC))


def messages(message_type: type[M], **attributes: SearchStrategy[Any]) -> SearchStrategy[M]:
    """A strategy for messages of a class: values of the declared types that its validators let through.

    `attributes` are strategies for attributes by name, for those that need one of their own: what a custom field
    holds, or what random values hardly ever fulfil. The header and the envelope are random only where they are given.
    Raises `ConfigurationError` for names that the class does not have, and for an attribute with a custom field and
    no strategy.
    """
    shapes = shapes_of(message_type)
    unknown = [name for name in attributes if name not in shapes]
    if unknown:
        raise ConfigurationError(f"{message_type.__name__} has no attribute {', '.join(unknown)}")
    derived = {
        name: _values(shape, f"{message_type.__name__}.{name}")
        for name, shape in shapes.items()
        if name not in attributes and name not in message_type.__envelope__
    }
    return st.builds(message_type, **{**derived, **attributes})


def _values(shape: Shape, where: str) -> SearchStrategy[Any]:
    aimed = _aimed(shape)
    values = _unchecked(shape, where) if aimed is None else aimed
    if shape.validators:
        values = values.filter(lambda value: _is_valid(shape, value))
    return st.none() | values if shape.nullable else values


def _aimed(shape: Shape) -> SearchStrategy[Any] | None:
    # What these validators let through, random values would hardly ever hit.
    for validator in shape.validators:
        if isinstance(validator, validate.OneOf):
            return st.sampled_from(list(cast("Any", validator).choices))
        if isinstance(validator, validate.Range) and shape.type is int:
            return st.integers(
                _bound(validator.min, -(2**31), 0 if validator.min_inclusive else 1),
                _bound(validator.max, 2**31 - 1, 0 if validator.max_inclusive else -1),
            )
        if isinstance(validator, validate.Length) and shape.type is str:
            least = validator.equal or validator.min or 0
            return st.text(_LETTERS, min_size=least, max_size=validator.equal or validator.max or least + 20)
    return None


def _bound(given: Any, otherwise: int, correction: int) -> int:
    return otherwise if given is None else int(given) + correction


def _is_valid(shape: Shape, value: Any) -> bool:
    try:
        run_validators(shape, value)
    except ValidationError:
        return False
    return True


def _unchecked(shape: Shape, where: str) -> SearchStrategy[Any]:
    match shape.kind:
        case Kind.SCALAR:
            return _scalar(shape.type)
        case Kind.ENUM:
            return st.sampled_from(list(shape.type))
        case Kind.LITERAL:
            return st.sampled_from([value for value in get_args(shape.type) if value is not None])
        case Kind.SECRET:
            return st.just(Secret.from_hash("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"))
        case Kind.NESTED:
            return _nested(shape.type)
        case Kind.LIST | Kind.DICT:
            assert shape.item is not None
            items = _values(shape.item, where)
            # With more than one on average, a value object that holds its own kind would never come to an end.
            size = 1 if _is_recursive(shape.item) else 3
            if shape.kind is Kind.LIST:
                return st.lists(items, max_size=size)
            return st.dictionaries(_TEXT, items, max_size=size)
        case Kind.CUSTOM:
            raise ConfigurationError(
                f"{where} has a field of its own, so its values cannot be guessed: give a strategy for it by name"
            )


@cache
def _nested(message_type: type[Message]) -> SearchStrategy[Message]:
    # One strategy for each class, since value objects may hold their own kind.
    return st.deferred(lambda: messages(message_type))


def _is_recursive(shape: Shape) -> bool:
    nested = [leaf.type for leaf in shape.leaves() if leaf.kind is Kind.NESTED]
    return any(contains(each, lambda inner: inner.type in nested) for each in nested)


def _scalar(target: Any) -> SearchStrategy[Any]:
    found = _SCALARS.get(target)
    if found is not None:
        return found
    return _MOMENTS if target.__name__ == "datetime" else st.dates()
