"""Whether a value of one annotation may stand where another one is written."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, NewType, Union, cast, get_args, get_origin


def may_hold(target: object, given: object) -> bool:
    """Whether an attribute annotated with `target` may hold a value annotated with `given`.

    False is certain; what cannot be known without a type checker is True.
    """
    wanted = _members(target)
    return all(any(_may_be(each, member) for each in wanted) for member in _members(given))


def _members(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if isinstance(annotation, NewType):
        return _members(annotation.__supertype__)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [member for each in get_args(annotation) for member in _members(each)]
    if origin is Literal:
        return [type(value) for value in get_args(annotation)]
    return [type(None) if annotation is None else annotation]


def _may_be(target: Any, given: Any) -> bool:
    wanted, found = get_origin(target) or target, get_origin(given) or given
    if not isinstance(wanted, type) or not isinstance(found, type) or getattr(wanted, "_is_protocol", False):
        return True
    if Any in (wanted, found) or (wanted is float and found is int):
        return True
    if not issubclass(found, cast("type[Any]", wanted)):
        return False
    inner = list(zip(get_args(target), get_args(given), strict=False)) if wanted is found else []
    return all(may_hold(each, other) for each, other in inner)
