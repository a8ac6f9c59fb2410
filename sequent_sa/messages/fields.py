"""The marshmallow fields of attributes: what users send is read strictly, what history holds with patience."""

# marshmallow's annotations, and narrowing Any to a list or dict, leave unknown element types everywhere here.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, EnumType
from functools import partial
from typing import Any, Literal, cast, get_args
from uuid import UUID

import msgspec
from marshmallow import Schema, ValidationError, missing
from marshmallow.fields import Field

from sequent_sa._naming import snake_case
from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.messages.attributes import Kind, Shape, Validator, in_utc, shapes_of, values_by_key
from sequent_sa.messages.error_texts import error_text, messages_of, run_validator, templates
from sequent_sa.messages.scalars import READERS, is_blank
from sequent_sa.messages.secret import Secret, clear_text, stored_secret
from sequent_sa.messages.storable import is_storable_text

SchemaKind = Literal["input", "stored"]
SchemaOf = Callable[[type, SchemaKind], type[Schema]]

_CODES: Mapping[type, str] = {
    str: "invalid_text",
    int: "invalid_integer",
    float: "invalid_number",
    Decimal: "invalid_number",
    bool: "invalid_boolean",
    date: "invalid_date",
    datetime: "invalid_moment",
    UUID: "invalid_uuid",
}


def _field(field: object) -> Any:
    # marshmallow leaves some of its annotations open.
    return field


class _MessageField(Field[Any]):
    """A field whose errors have codes, and whose validators may look at None."""

    def __init__(self, *, validators: Sequence[Validator] = (), reads_default: bool = False, **options: Any) -> None:
        self._reads_default = reads_default
        self._of_none = [each for each in validators if getattr(each, "sees_none", False)]
        options["validate"] = [partial(run_validator, each) for each in validators]
        _field(super()).__init__(**options)
        self.error_messages = templates(_field(self).error_messages, "field")

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        if value is missing and self._reads_default and self.load_default is not missing:
            # A default is held to the same rules as what is given: handlers see valid commands only.
            default: Any = self.load_default
            value = default() if callable(default) else default
        read = _field(super()).deserialize(value, attr, data, **kwargs)
        if read is None:
            for validator in self._of_none:
                run_validator(validator, None)
        return read


class _BlankIsNone(_MessageField):
    """A field that reads blank text, as empty inputs of a form send it, as None."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        return super().deserialize(None if is_blank(value) else value, attr, data, **kwargs)


class ScalarField(_BlankIsNone):
    """Text, numbers, booleans, dates, moments and ids."""

    def __init__(self, target: Any, *, stored: bool, **options: Any) -> None:
        self.target = target
        self.stored = stored
        super().__init__(**options)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        if is_blank(value):
            if self.target is str:
                return _MessageField.deserialize(self, value, attr, data, **kwargs)
            if self.target is bool and self.stored:
                return False
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            read = READERS[self.target](value, self.stored)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise ValidationError(error_text(_CODES[self.target])) from error
        if self.target is str and not self.stored and not is_storable_text(read):
            raise ValidationError(error_text("not_storable"))
        return read

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return msgspec.to_builtins(in_utc(value))


class ChoiceField(_BlankIsNone):
    """A member of an Enum, by its value, or one of the values of a Literal."""

    def __init__(self, target: Any, **options: Any) -> None:
        self.target = target
        is_enum = isinstance(target, EnumType)
        values: tuple[Any, ...] = tuple(target.__members__.values()) if is_enum else get_args(target)
        self.values: list[Any] = [value.value if is_enum else value for value in values if value is not None]
        self._asks_enum = is_enum and any("_missing_" in vars(base) for base in target.__mro__ if base is not Enum)
        super().__init__(**options)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        if isinstance(value, str) and value in self.values:
            return _MessageField.deserialize(self, value, attr, data, **kwargs)
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        is_enum = isinstance(self.target, type)
        if is_enum and isinstance(value, self.target):
            return value
        exact = [known for known in self.values if type(known) is type(value) and known == value]
        for known in exact or [known for known in self.values if isinstance(value, str) and str(known) == value]:
            return self.target(known) if is_enum else known
        found = self._asked(value) if self._asks_enum else None
        if found is None:
            raise ValidationError(error_text("invalid_choice", choices=", ".join(map(str, self.values))))
        return found

    def _asked(self, value: Any) -> Any:
        # An Enum may know more values than it lists; what it says of values of another type does not count.
        if not any(type(value) is type(known) for known in self.values):
            return None
        try:
            return self.target(value)
        except (ValueError, TypeError):
            return None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return msgspec.to_builtins(value)


class SecretField(_BlankIsNone):
    """A secret: users send it in clear, the store holds its hash."""

    def __init__(self, *, stored: bool, **options: Any) -> None:
        self.stored = stored
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, Secret):
            return value
        if self.stored:
            try:
                return stored_secret(value)
            except ValueError as error:
                raise ValidationError(error_text("invalid_text")) from error
        if not isinstance(value, str) or not is_storable_text(value):
            raise ValidationError(error_text("invalid_text"))
        return Secret(value)

    def _validate(self, value: Any) -> None:
        clear = clear_text(value)
        if clear is not None:
            _field(super())._validate(clear)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.hashed_value


class NestedField(_MessageField):
    """A value object, given as an instance or as a mapping; validated inside in both cases."""

    def __init__(self, message_type: type, kind: SchemaKind, schema_of: SchemaOf, **options: Any) -> None:
        self.message_type = message_type
        self.kind: SchemaKind = kind
        self._schema_of = schema_of
        super().__init__(**options)

    def _schema(self) -> Any:
        return self._schema_of(self.message_type, self.kind)()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        schema = self._schema()
        if type(value) is self.message_type:
            return schema.load(given_by(value, schema))
        if is_mapping(value):
            return schema.load(dict(value))
        raise ValidationError(error_text("invalid_object", type=self.message_type.__name__))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else self._schema().dump(value)


class ListField(_MessageField):
    """A list; errors are reported by index."""

    def __init__(self, item: Field[Any], **options: Any) -> None:
        self.item = _field(item)
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not is_list(value):
            raise ValidationError(error_text("invalid_list"))
        return _each(self.item, dict(enumerate(value)), lambda read: list(read.values()))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return [self.item._serialize(each, None, None) for each in value]


class DictField(_MessageField):
    """A dict with text as keys; errors are reported by key."""

    def __init__(self, item: Field[Any], *, stored: bool, **options: Any) -> None:
        self.item = _field(item)
        self.stored = stored
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not is_mapping(value):
            raise ValidationError(error_text("invalid_mapping"))
        bad = [key for key in value if not (isinstance(key, str) and (self.stored or is_storable_text(key)))]
        if bad:
            raise ValidationError({str(key): [error_text("invalid_key")] for key in bad})
        return _each(self.item, value, dict)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return {key: self.item._serialize(each, None, None) for key, each in value.items()}


def _each(item: Any, values: Mapping[Any, Any], build: Callable[[dict[Any, Any]], Any]) -> Any:
    read: dict[Any, Any] = {}
    errors: dict[Any, Any] = {}
    for key, value in values.items():
        try:
            read[key] = item.deserialize(value)
        except ValidationError as error:
            errors[key] = messages_of(error)
    if errors:
        raise ValidationError(errors)
    return build(read)


def given_by(message: Any, schema: Any) -> dict[str, Any]:
    """The values of a message as its schema reads them: an application's own fields read what they have written."""
    values = values_by_key(message)
    for name, shape in shapes_of(message.__class__).items():
        key = shape.named(name)
        if shape.field is not None and values.get(key) is not None:
            try:
                values[key] = schema.fields[name].serialize(name, message)
            except Exception:  # whatever a field says of a value that is none of its own: reading it tells
                continue
    return values


def field_of(shape: Shape, kind: SchemaKind, schema_of: SchemaOf, *, default: Any = missing) -> Field[Any]:
    """The field that reads and writes an attribute. Without a default, and unless None is possible, it is required."""
    stored = kind == "stored"
    options: dict[str, Any] = {"allow_none": shape.nullable, "load_default": default, "data_key": shape.data_key}
    if default is missing:
        options["required"] = not shape.nullable
        if shape.nullable:
            options["load_default"] = None
    if shape.kind is Kind.CUSTOM:
        return _custom(shape, options, stored)
    options["validators"] = () if stored else shape.validators
    options["reads_default"] = not stored
    if shape.kind is Kind.SCALAR:
        return ScalarField(shape.type, stored=stored, **options)
    if shape.kind is Kind.SECRET:
        return SecretField(stored=stored, **options)
    if shape.kind is Kind.NESTED:
        return NestedField(shape.type, kind, schema_of, **options)
    if shape.item is None:
        return ChoiceField(shape.type, **options)
    item = field_of(shape.item, kind, schema_of)
    return ListField(item, **options) if shape.kind is Kind.LIST else DictField(item, stored=stored, **options)


def _custom(shape: Shape, options: Mapping[str, Any], stored: bool) -> Field[Any]:
    field = deepcopy(cast("Field[Any]", shape.field))
    field.allow_none = field.allow_none or shape.nullable
    field.data_key = shape.data_key
    if field.load_default is missing:
        field.load_default = options["load_default"]
        field.required = field.required or options.get("required", False)
    field.validators = [] if stored else [partial(run_validator, each) for each in field.validators]
    field.error_messages = templates(_field(field).error_messages, snake_case(type(field).__name__))
    return field
