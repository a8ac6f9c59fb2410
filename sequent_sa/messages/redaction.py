"""What may be shown again of the input, or of a message: everything but secrets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Kind, Shape, shapes_by_key, shapes_of, values_by_key
from sequent_sa.messages.checks import contains
from sequent_sa.messages.form_names import path_of
from sequent_sa.messages.secret import Secret


def without_secrets(message_type: type, data: Mapping[str, Any], *, prefix: str | None = None) -> dict[str, Any]:
    """Raw input without what was given for secrets: at any depth, under any form of their names, in any shape."""
    kept: dict[str, Any] = {}
    for name, value in data.items():
        path = path_of(name)
        ours = prefix is None or path[0] == prefix
        if prefix is not None and ours:
            path = path[1:]
        shown = _shown_at(message_type, path, value, ours=ours) if path else _shown_whole(message_type, value)
        if shown is not None:
            kept[name] = shown.value
    return kept


def with_cleared_secrets(message: Any) -> Any:
    """The message with None in place of every secret, at any depth."""
    changes = {
        name: _cleared(shape, getattr(message, name))
        for name, shape in shapes_of(message.__class__).items()
        if _has_secrets(shape)
    }
    return message.evolve(**changes) if changes else message


def shown_attributes(message: Any) -> str:
    """The attributes of a message as text, with `****` for what stands in the place of a secret."""
    names: tuple[str, ...] = message.__struct_fields__
    values = {name: getattr(message, name) for name in names}
    shapes: Mapping[str, Shape] = {}
    with suppress(ConfigurationError):  # a type that cannot be resolved: who looks at the message is told elsewhere
        shapes = shapes_of(message.__class__)
    return ", ".join(
        f"{name}={_shown_value(shapes[name], value) if name in shapes else repr(value)}"
        for name, value in values.items()
    )


def _shown_value(shape: Shape, value: Any) -> str:
    if value is None or not _has_secrets(shape):
        return repr(value)
    if isinstance(value, Secret) or (shape.kind is Kind.NESTED and type(value) is shape.type):
        return repr(value)
    item = cast("Shape", shape.item)
    if shape.kind is Kind.LIST and is_list(value):
        return f"[{', '.join(_shown_value(item, each) for each in value)}]"
    if shape.kind is Kind.DICT and is_mapping(value):
        return f"{{{', '.join(f'{key!r}: {_shown_value(item, each)}' for key, each in value.items())}}}"
    return "****"


def _cleared(shape: Shape, value: Any) -> Any:
    if not _has_secrets(shape):
        return value
    if shape.kind is Kind.NESTED and type(value) is shape.type:
        return with_cleared_secrets(value)
    if shape.kind is Kind.LIST and is_list(value):
        return [_cleared(cast("Shape", shape.item), each) for each in value]
    if shape.kind is Kind.DICT and is_mapping(value):
        return {key: _cleared(cast("Shape", shape.item), each) for key, each in value.items()}
    return None


class _Kept:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _shown_at(message_type: type, path: tuple[str, ...], value: Any, *, ours: bool = True) -> _Kept | None:
    shape = shapes_by_key(message_type).get(path[0])
    if shape is None and ours and contains(message_type, lambda inner: inner.kind is Kind.SECRET):
        return None  # it may be the secret, under a misspelt name
    for place in range(1, len(path)):
        if shape is None or not _has_secrets(shape):
            return _Kept(value)
        if shape.kind is Kind.SECRET:
            return None
        if shape.kind is Kind.NESTED:
            return _shown_at(shape.type, path[place:], value)
        shape = shape.item
    if shape is None or not _has_secrets(shape):
        return _Kept(value)
    return _shown(shape, value)


def _shown(shape: Shape, value: Any) -> _Kept | None:
    if not _has_secrets(shape):
        return _Kept(value)
    if shape.kind is Kind.NESTED and (isinstance(value, Mapping) or type(value) is shape.type):
        return _Kept(_shown_of(shape.type, value))
    if shape.kind is Kind.LIST and isinstance(value, list):
        items = [_shown(cast("Shape", shape.item), each) for each in cast("Any", value)]
        return _Kept([None if item is None else item.value for item in items])
    if shape.kind is Kind.DICT and isinstance(value, Mapping):
        entries = {
            key: _shown(cast("Shape", shape.item), each) for key, each in cast("Mapping[str, Any]", value).items()
        }
        return _Kept({key: entry.value for key, entry in entries.items() if entry is not None})
    return None


def _shown_whole(message_type: type, value: Any) -> _Kept | None:
    if isinstance(value, Mapping) or not contains(message_type, lambda inner: inner.kind is Kind.SECRET):
        return _Kept(_shown_of(message_type, value))
    return None  # JSON as text, perhaps: a secret may be anywhere in it


def _shown_of(message_type: type, value: Any) -> Any:
    if isinstance(value, message_type):
        return without_secrets(message_type, values_by_key(value))
    if isinstance(value, Mapping):
        return without_secrets(message_type, {str(key): each for key, each in cast("Any", value).items()})
    return value


def _has_secrets(shape: Shape) -> bool:
    return any(
        leaf.kind is Kind.SECRET
        or (leaf.kind is Kind.NESTED and contains(leaf.type, lambda inner: inner.kind is Kind.SECRET))
        for leaf in shape.leaves()
    )
