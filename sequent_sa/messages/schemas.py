"""The two marshmallow schemas of a message class, derived from its annotations on first use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import msgspec
from marshmallow import EXCLUDE, RAISE, Schema, missing, post_load, pre_load

from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.messages.attributes import Kind, shapes_of
from sequent_sa.messages.checks import contains
from sequent_sa.messages.error_texts import error_text
from sequent_sa.messages.fields import SchemaKind, field_of
from sequent_sa.messages.upcasting import collect_upcasters, run_upcasters


class InputSchema(Schema):
    """Reads what users send: unknown names are errors, blank text is None, validators run.

    Loading gives a message. The hooks that a message class brings with `schema=` see dicts.
    """

    error_messages = {  # noqa: RUF012 - marshmallow copies it
        "unknown": error_text("unknown"),
        "type": error_text("invalid_input"),
    }

    class Meta:
        unknown = RAISE
        register = False

    __message_type__: ClassVar[type[Any]]

    def load(self, data: Any, **options: Any) -> Any:
        """A message, or a list of them. Raises `marshmallow.ValidationError`."""
        # After every hook, whatever its name: marshmallow orders those by name.
        loaded: Any = cast("Any", super()).load(data, **options)
        if is_list(loaded):
            return [self.__message_type__(**each) for each in loaded]
        return self.__message_type__(**loaded)


class StoredJSONSchema(Schema):
    """Reads and writes stored JSON: upcasters run first, unknown names are ignored, validators do not run."""

    error_messages = {"type": error_text("invalid_input")}  # noqa: RUF012 - marshmallow copies it

    class Meta:
        unknown = EXCLUDE
        register = False

    __message_type__: ClassVar[type[Any]]

    @pre_load
    def _upcast(self, data: Any, **_options: Any) -> Any:
        if not is_mapping(data):
            return data
        changed = dict(data)
        run_upcasters(collect_upcasters(self.__message_type__), changed)
        return changed

    @post_load
    def _make(self, data: Mapping[str, Any], **_options: Any) -> Any:
        return self.__message_type__(**data)


class LazySchema:
    """A class attribute that is the schema of the class which it is asked of."""

    def __init__(self, kind: SchemaKind) -> None:
        self._kind: SchemaKind = kind

    def __get__(self, instance: object, owner: type) -> type[Schema]:
        return schema_of(owner, self._kind)


def schema_of(message_type: type, kind: SchemaKind) -> type[Schema]:
    """The schema of a message class. The envelope cannot be set by users, so only the stored one has it."""
    cache = f"__{kind}_schema__"
    schema: type[Schema] | None = vars(message_type).get(cache)
    if schema is None:
        schema = _derive(message_type, kind)
        setattr(message_type, cache, schema)
    return schema


def defaults_of(message_type: Any) -> Mapping[str, Any]:
    """The attributes that have a default; what must be made anew each time stands as a callable."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(message_type):
        if field.default_factory is not msgspec.NODEFAULT:
            found[field.name] = field.default_factory
        elif field.default is not msgspec.NODEFAULT:
            found[field.name] = field.default
    return found


def rules_of(message_type: type) -> tuple[type[Schema], ...]:
    """The schemas whose hooks a message class uses, its own first, then inherited ones."""
    found = [vars(base).get("__rules__") for base in message_type.__mro__]
    rules = dict.fromkeys(each for each in found if each is not None)
    return tuple(each for each in rules if not any(each is not other and issubclass(other, each) for other in rules))


def has_rules(message_type: type) -> bool:
    """Whether only the schema can validate a message: a hook guards it, or a value object inside of it."""
    known: bool | None = vars(message_type).get("__has_rules__")
    if known is None:
        known = bool(rules_of(message_type)) or contains(
            message_type, lambda shape: shape.kind is Kind.NESTED and bool(rules_of(shape.type))
        )
        setattr(message_type, "__has_rules__", known)  # noqa: B010
    return known


def _derive(message_type: Any, kind: SchemaKind) -> type[Schema]:
    base: type[Schema] = InputSchema if kind == "input" else StoredJSONSchema
    envelope: frozenset[str] = message_type.__envelope__ if kind == "input" else frozenset()
    defaults = defaults_of(message_type)
    fields = {
        name: field_of(shape, kind, schema_of, default=defaults.get(name, missing))
        for name, shape in shapes_of(message_type).items()
        if name not in envelope
    }
    bases: tuple[type[Schema], ...] = (base,) if kind == "stored" else (*rules_of(message_type), base)
    suffix = "Schema" if kind == "input" else "StoredSchema"
    namespace = {**fields, "__message_type__": message_type, "__module__": message_type.__module__}
    make: Any = type(base)
    schema: type[Schema] = make(f"{message_type.__name__}{suffix}", bases, namespace)
    return schema
