"""The fields of a form ↔ the nested values of a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from marshmallow import ValidationError

from sequent_sa.messages.attributes import Kind, Shape, in_utc, shapes_by_key, shapes_of
from sequent_sa.messages.error_texts import error_text, messages_of
from sequent_sa.messages.form_names import name_of, path_of
from sequent_sa.messages.scalars import is_blank
from sequent_sa.messages.schemas import defaults_of

_INDEX = re.compile(r"[0-9]{1,9}", re.ASCII)
_NEXT = ""

# What browsers send for a check box without a value of its own, and what frameworks put in its place.
_TICKED = {"on": True, "1": True, "off": False, "0": False}


class FormField:
    """What a form has under one name: values, parts by name, or parts without a name (`lines[][cents]`)."""

    __slots__ = ("parts", "rows", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.parts: dict[str, FormField] = {}
        self.rows: list[FormField] = []

    def add(self, path: tuple[str, ...], value: Any) -> None:
        """Put a value where its name says."""
        field = self
        for place, step in enumerate(path):
            field = (
                field._row(path[place + 1 :]) if step == _NEXT and place else field.parts.setdefault(step, FormField())
            )
        field.values.append(value)

    def _row(self, rest: tuple[str, ...]) -> FormField:
        # A name that the last part has already begins the next part, as browsers send them in order.
        if not rest or not self.rows or self.rows[-1]._has(rest):
            self.rows.append(FormField())
        return self.rows[-1]

    def _has(self, path: tuple[str, ...]) -> bool:
        field = self
        for step in path:
            if step == _NEXT:
                return False
            if step not in field.parts:
                return False
            field = field.parts[step]
        return bool(field.values)

    def read(self, shape: Shape | None, *, form: bool) -> Any:
        """The value for an attribute of this shape, None for an unknown one.

        `form` says that the names come from a form: one value may then be a list of one, and blank may mean nothing.
        Raises `marshmallow.ValidationError` for names that contradict each other, and for lists without numbers.
        """
        if sum(map(bool, (self.values, self.parts, self.rows))) > 1:
            raise ValidationError(error_text("contradicting_names"))
        kind = None if shape is None else shape.kind
        if kind is Kind.LIST and not (self.values and not form):
            return self._read_list(cast("Shape", cast("Shape", shape).item), form=form)
        if self.rows:
            return [row.read(None, form=form) for row in self.rows]
        if self.parts:
            return self._read_parts(shape, form=form)
        value = self.values[-1]
        return _meant(value, shape) if form and shape is not None else value

    def _read_list(self, item: Shape, *, form: bool) -> Any:
        rows = self.rows
        if self.parts:
            rows = [self.parts[key] for key in self.indices()]
        elif self.values:
            if len(self.values) == 1 and isinstance(self.values[0], list):
                return cast("Any", self.values[0])
            rows = [_holding(value) for value in self.values]
        # A hidden blank field in front of check boxes says that none is ticked.
        if not self.parts and rows and len(rows[0].values) == 1 and rows[0].values[0] == "":
            rows = rows[1:]
        return [row.read(item, form=form) for row in rows]

    def _read_parts(self, shape: Shape | None, *, form: bool) -> dict[str, Any]:
        inner: Mapping[str, Shape] = {}
        if shape is not None and shape.kind is Kind.NESTED:
            inner = shapes_by_key(shape.type)
        elif shape is not None and shape.kind is Kind.DICT:
            inner = dict.fromkeys(self.parts, cast("Shape", shape.item))
        return read_all(self.parts, inner, form=form)

    def indices(self) -> list[str]:
        """The names of the parts of a list, in the order of their numbers. Raises `marshmallow.ValidationError`."""
        wrong = [key for key in self.parts if not _INDEX.fullmatch(key)]
        if wrong:
            raise ValidationError({key: [error_text("invalid_item_number")] for key in wrong})
        return sorted(self.parts, key=int)


def _meant(value: Any, shape: Shape) -> Any:
    # A form has only text, and some of it stands for something else.
    if shape.type is bool and isinstance(value, str):
        return _TICKED.get(value, value)
    if is_blank(value):
        if shape.kind is Kind.DICT:
            return None if shape.nullable else {}
        if shape.nullable and (shape.type is str or shape.kind is Kind.CUSTOM):
            return None
    return value


def _holding(value: Any) -> FormField:
    field = FormField()
    field.values.append(value)
    return field


def read_all(fields: Mapping[str, FormField], shapes: Mapping[str, Shape], *, form: bool) -> dict[str, Any]:
    """The values of several fields. Raises `marshmallow.ValidationError` with the errors of all of them."""
    values: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, field in fields.items():
        try:
            values[name] = field.read(shapes.get(name), form=form)
        except ValidationError as error:
            errors[name] = messages_of(error)
    if errors:
        raise ValidationError(errors)
    return values


def numbered_as_given(errors: Any, field: FormField | None) -> Any:
    """Errors by index, with the numbers that the form gave to the items, which may have gaps."""
    if field is None or not isinstance(errors, Mapping):
        return errors
    given = sorted(filter(_INDEX.fullmatch, field.parts), key=int)
    renamed: dict[Any, Any] = {}
    for key, inner in cast("Any", errors).items():
        name = given[key] if type(key) is int and 0 <= key < len(given) else str(key)
        shown = int(name) if type(key) is int and str(int(name)) == name else name
        renamed[shown] = numbered_as_given(inner, field.parts.get(name))
    return renamed


def form_fields(message: Any, prefix: str | None = None) -> dict[str, str]:
    """The fields of a form that would give a message, by name; without its secrets and its envelope."""
    message_type: Any = message.__class__
    defaults = defaults_of(message_type)
    fields: dict[str, str] = {}
    for name, shape in shapes_of(message_type).items():
        if name in message.__envelope__:
            continue
        key = shape.named(name)
        path = (key,) if prefix is None else (prefix, key)
        found = dict(_fields_of(shape, _written(message, name, shape), path))
        if not found and shape.kind is not Kind.SECRET and _is_something(defaults.get(name)):
            # Nothing where the default is something, as a blank field says it.
            found = {name_of((*path, _NEXT)) if shape.kind is Kind.LIST else name_of(path): ""}
        fields.update(found)
    return fields


def _is_something(default: Any) -> bool:
    return (default() if callable(default) else default) not in (None, "", [], {})


def _written(message: Any, name: str, shape: Shape) -> Any:
    # A field of an application's own may look at the whole message.
    value = getattr(message, name)
    return value if value is None or shape.field is None else cast("Any", shape.field).serialize(name, message)


def _fields_of(shape: Shape, value: Any, path: tuple[object, ...]) -> Iterator[tuple[str, str]]:
    if value is None or shape.kind is Kind.SECRET:
        return
    if shape.kind is Kind.NESTED:
        for name, inner in shapes_of(shape.type).items():
            yield from _fields_of(inner, _written(value, name, inner), (*path, inner.named(name)))
    elif shape.item is not None:
        entries = enumerate(value) if shape.kind is Kind.LIST else value.items()
        for key, each in entries:
            _refuse_unnameable(path, key)
            yield from _fields_of(shape.item, each, (*path, key))
    elif shape.field is not None:
        yield from _texts(value, path)
    else:
        yield from _texts(msgspec.to_builtins(in_utc(value)), path)


def _refuse_unnameable(path: tuple[object, ...], key: object) -> None:
    whole = (*path, key)
    if str(key) == _NEXT or path_of(name_of(whole)) != tuple(map(str, whole)):
        raise ValueError(f"{name_of(path)} has the key {key!r}, which cannot be part of the name of a form field")


def _texts(value: Any, path: tuple[object, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("Any", value)):
            yield from _texts(inner, (*path, index))
    elif value is not None:
        yield name_of(path), str(value).lower() if isinstance(value, bool) else str(value)
