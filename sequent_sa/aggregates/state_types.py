"""Annotations of state → the types that msgspec writes and reads them as."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import parse_annotation
from sequent_sa.messages.native_types import native

_CONTAINERS = (list, set, frozenset, tuple, dict)
_PLAIN = (bytes, time, timedelta, object, Any, type(None), *_CONTAINERS)

SUPPORTED = (
    "everything that a message may hold except attr(field=...), bytes, time, timedelta, "
    "list, set, frozenset, tuple, dict, NamedTuple, dataclasses, and alternatives (A | B) that JSON can tell apart"
)


def state_type(annotation: Any, where: str) -> Any:
    """The type that msgspec reads a part of the state as. Raises `ConfigurationError`, naming `where`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return state_type(get_args(annotation)[0], where)
    if origin in (Union, types.UnionType):
        return Union[tuple(state_type(member, where) for member in get_args(annotation))]  # noqa: UP007 - made at run time
    if origin in _CONTAINERS:
        return types.GenericAlias(origin, tuple(_items(annotation, where)))
    if annotation is float:
        return int | float  # a whole number in a float attribute stays what it is
    if annotation in _PLAIN:
        return annotation
    if isinstance(annotation, NewType):
        return state_type(annotation.__supertype__, where)
    if origin is not Literal and isinstance(annotation, type) and _has_parts(annotation):
        for name, part in get_type_hints(annotation).items():
            state_type(part, f"{where}.{name}")  # makes the value objects in it readable, and refuses the rest
        return annotation
    try:
        return native(parse_annotation(annotation, where))
    except ConfigurationError as error:
        shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
        raise ConfigurationError(f"{where}: {shown} has no form in a snapshot; supported: {SUPPORTED}") from error


def _items(annotation: Any, where: str) -> Iterator[Any]:
    for place, item in enumerate(get_args(annotation)):
        is_key = place == 0 and get_origin(annotation) is dict
        yield item if item is Ellipsis or (is_key and item is float) else state_type(item, where)


def _has_parts(annotation: Any) -> bool:
    return dataclasses.is_dataclass(annotation) or ("_fields" in vars(annotation) and tuple in annotation.__mro__)
