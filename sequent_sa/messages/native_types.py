"""Which attributes msgspec reads itself, and as which types."""

# marshmallow's annotations leave unknown types here.

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from types import GenericAlias
from typing import Annotated, Any

import msgspec

from sequent_sa.messages.attributes import Kind, Shape, shapes_of
from sequent_sa.messages.checks import contains
from sequent_sa.messages.upcasting import collect_upcasters


def native(shape: Shape) -> Any:
    """The type that msgspec reads an attribute as."""
    result: Any = shape.type
    if result is datetime:
        result = Annotated[datetime, msgspec.Meta(tz=True)]
    elif shape.kind is Kind.NESTED:
        _prepare(shape.type)
    elif shape.item is not None:
        item = native(shape.item)
        result = GenericAlias(list, item) if shape.kind is Kind.LIST else GenericAlias(dict, (str, item))
    return result | None if shape.nullable else result


def _prepare(value_object: Any) -> None:
    # msgspec reads annotations itself, and cannot resolve those of classes that are local to a function.
    if "__is_prepared__" in vars(value_object):
        return
    value_object.__is_prepared__ = True
    value_object.__annotations__ = {name: native(shape) for name, shape in shapes_of(value_object).items()}


def is_slow(shape: Shape) -> bool:
    """Whether only the schema can read it: custom fields, and value objects that are stored in another form than
    they have."""
    if any(leaf.kind is Kind.CUSTOM for leaf in shape.leaves()):
        return True
    nested = [leaf.type for leaf in shape.leaves() if leaf.kind is Kind.NESTED]
    return any(_is_renamed(each) or collect_upcasters(each) or contains(each, _leaves_the_fast_path) for each in nested)


def _is_renamed(value_object: type) -> bool:
    return any(shape.data_key is not None for shape in shapes_of(value_object).values())


def _leaves_the_fast_path(shape: Shape) -> bool:
    if shape.kind is not Kind.NESTED:
        return shape.kind is Kind.CUSTOM
    return bool(collect_upcasters(shape.type)) or _is_renamed(shape.type)


def has_validators(shape: Shape) -> bool:
    """Whether a validator guards the attribute, or something inside it."""

    def guarded(leaf: Shape) -> bool:
        return bool(leaf.validators) or (leaf.field is not None and bool(leaf.field.validators))

    leaves = list(shape.leaves())
    return any(guarded(leaf) or (leaf.kind is Kind.NESTED and contains(leaf.type, guarded)) for leaf in leaves)


def values_getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these attributes of a message, always as a tuple."""
    if not names:
        return lambda _message: ()
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda message: (only(message),)
    return attrgetter(*names)
