"""Looking at the values of a message without its schema: are they exactly what was declared?"""

# marshmallow's annotations, and narrowing Any to a list or dict, leave unknown element types everywhere here.

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, cast, get_args

from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA

from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.messages.attributes import Kind, Shape, shapes_of
from sequent_sa.messages.error_texts import messages_of, run_validator
from sequent_sa.messages.secret import Secret, clear_text
from sequent_sa.messages.storable import is_huge, is_storable_text

_LONGEST = 200


def flaw(shape: Shape, value: Any, *, int_is_float: bool = False) -> str | None:
    """Why a value is not exactly of the declared type and storable, or None when it is.

    What a custom field makes of its value is not known here, so that never counts as exact.
    """
    if value is None:
        return None if shape.nullable else "it is None, but not declared as `T | None`"
    match shape.kind:
        case Kind.SCALAR:
            return _scalar_flaw(shape.type, value, int_is_float)
        case Kind.LITERAL:
            known = any(type(each) is type(value) and each == value for each in get_args(shape.type))
            return None if known else f"{shown(value)} is not one of {get_args(shape.type)}"
        case Kind.LIST | Kind.DICT:
            return _container_flaw(shape, value, int_is_float)
        case Kind.CUSTOM:
            return "only its field can tell"
        case Kind.SECRET:
            # The value is not shown: it may be what should have been kept.
            return None if type(value) is Secret else f"it is a {type(value).__name__}, not a Secret"
        case _:
            if type(value) is not shape.type:
                return _mismatch(shape.type, value)
    if shape.kind is not Kind.NESTED:
        return None
    for name, inner in shapes_of(shape.type).items():
        found = flaw(inner, getattr(value, name), int_is_float=int_is_float)
        if found is not None:
            return f"{name}: {found}"
    return None


def _scalar_flaw(target: type, value: Any, int_is_float: bool) -> str | None:
    given: Any = value.__class__
    if given is not target and not (int_is_float and target is float and given is int):
        return _mismatch(target, value)
    if given is int:
        return "it is a number of thousands of digits" if is_huge(value) else None
    if target is str:
        return None if is_storable_text(value) else "the text has a NUL character or half of a surrogate pair"
    if target is datetime:
        return None if value.utcoffset() is not None else f"{shown(value)} has no timezone: give an aware datetime"
    if target is float:
        return None if isfinite(value) else f"{shown(value)} is not a finite number"
    if target is Decimal:
        return None if value.is_finite() else f"{shown(value)} is not a finite number"
    return None


def _container_flaw(shape: Shape, value: Any, int_is_float: bool) -> str | None:
    item = cast("Shape", shape.item)
    if type(value) is not shape.type:
        return _mismatch(shape.type, value)
    entries: Any = enumerate(value) if shape.kind is Kind.LIST else value.items()
    for key, each in entries:
        if shape.kind is Kind.DICT and (type(key) is not str or not is_storable_text(key)):
            return f"{shown(key)} cannot be a key in JSON"
        found = flaw(item, each, int_is_float=int_is_float)
        if found is not None:
            return f"[{shown(key)}] {found}"
    return None


def _mismatch(target: type, value: object) -> str:
    return f"{shown(value)} is a {type(value).__name__}, not a {target.__name__}"


def shown(value: object) -> str:
    """A value as an error may show it: a short text, whatever the value is."""
    try:
        text = repr(value)
    except Exception as error:  # whatever a class of an application raises: another error is on its way already
        return f"a value that cannot be shown ({type(error).__name__})"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def error_dictionary(error: ValidationError) -> dict[str, Any]:
    """The messages of a schema's error, by attribute."""
    messages = messages_of(error)
    return dict(messages) if is_mapping(messages) else {SCHEMA: messages}


def contains(message_type: type, wanted: Callable[[Shape], bool]) -> bool:
    """Whether an attribute of a message class, or of a value object inside it, has a shape that is wanted."""
    seen: set[type] = set()

    def search(current: type) -> bool:
        seen.add(current)
        leaves = [leaf for shape in shapes_of(current).values() for leaf in shape.leaves()]
        if any(wanted(leaf) for leaf in leaves):
            return True
        inner = [leaf.type for leaf in leaves if leaf.kind is Kind.NESTED]
        return any(search(each) for each in inner if each not in seen)

    return search(message_type)


def run_validators(shape: Shape, value: Any) -> None:
    """Run the validators of an attribute, inside lists and value objects too. Raises `marshmallow.ValidationError`."""
    validators: Any = shape.field.validators if shape.field is not None else shape.validators
    seen: Any = _seen(value)
    if seen is None and value is not None:
        return
    for validator in validators:
        if value is not None or getattr(validator, "sees_none", False):
            run_validator(validator, seen)
    if value is None:
        return
    if shape.kind is Kind.NESTED:
        for name, inner in shapes_of(shape.type).items():
            run_validators(inner, getattr(value, name))
    elif shape.item is not None:
        for each in value if shape.kind is Kind.LIST else value.values():
            run_validators(shape.item, each)


def _seen(value: Any) -> Any:
    # Validators of a secret look at its clear text; a hash was validated when it was that.
    return clear_text(value) if isinstance(value, Secret) else value


def with_hashed_secrets(message: Any) -> Any:
    """The message with every secret in it hashed, however deep; the message itself when there is nothing to hash."""
    changes: dict[str, Any] = {}
    for name in shapes_of(message.__class__):
        value = getattr(message, name)
        hashed = _hashed(value)
        if hashed is not value:
            changes[name] = hashed
    return message.evolve(**changes) if changes else message


def _hashed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.hashed()
    if getattr(value, "__nestable__", False):
        return with_hashed_secrets(value)
    if is_list(value):
        return [_hashed(item) for item in value] if value else value
    if is_mapping(value):
        return {key: _hashed(item) for key, item in value.items()} if value else value
    return value
