"""Mistakes in the definition of a message class, reported where they are made."""

# marshmallow's annotations leave unknown types here.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec
from marshmallow import Schema

from sequent_sa._annotations import annotations_of
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import SUPPORTED, Declaration, Kind, Shape
from sequent_sa.messages.checks import flaw
from sequent_sa.messages.storable import is_storable_text


def check_rules(cls: Any, schema: Any) -> None:
    """Raise `ConfigurationError` for a `schema=` whose rules cannot hold."""
    where = f"{cls.__name__}(schema={getattr(schema, '__name__', schema)!s})"
    if not (isinstance(schema, type) and issubclass(schema, Schema)):
        raise ConfigurationError(f"{where}: give a class that derives from marshmallow.Schema")
    if not is_input(cls.__mro__):
        raise ConfigurationError(f"{where}: only what users send is validated, commands and value objects")
    fields: Any = getattr(schema, "_declared_fields")  # noqa: B009 - marshmallow's name for them
    if fields:
        raise ConfigurationError(
            f"{where} declares {', '.join(fields)}: declare attributes on {cls.__name__}, hooks on the schema"
        )
    for name in dir(schema):
        hooks: Mapping[str, Any] = getattr(getattr(schema, name, None), "__marshmallow_hook__", None) or {}
        for _, options in hooks.get("validates", ()):
            unknown = [each for each in options["field_names"] if each not in cls.__declarations__]
            if unknown:
                raise ConfigurationError(f"{where}: {name} validates {', '.join(unknown)}, which {cls.__name__} lacks")


def is_class_variable(annotation: object) -> bool:
    """Whether an annotation says `ClassVar`."""
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar", "t.ClassVar"))
    return annotation is ClassVar or getattr(annotation, "__origin__", None) is ClassVar


def is_input(bases: Iterable[type]) -> bool:
    """Whether users send messages of these classes. Asking for the schema itself would derive it."""
    return any("Schema" in vars(each) for base in bases for each in base.__mro__)


def refuse_unlike_bases(bases: Iterable[type]) -> None:
    """Raise `ConfigurationError` for two bases with attributes of their own, which Python cannot put in one object."""
    declared = {base: set(getattr(base, "__declarations__", {})) for base in bases}
    widest = max(declared, key=lambda base: len(declared[base]), default=None)
    for base, names in declared.items():
        if widest is not None and not names <= declared[widest]:
            raise ConfigurationError(
                f"{base.__name__} and {widest.__name__} both have attributes: make one of them a plain class, a mixin"
            )


def refuse_same_keys(class_name: str, declarations: Mapping[str, Declaration], *, is_input: bool) -> None:
    """Raise `ConfigurationError` for attributes with one name in JSON, or with one that cannot be."""
    owners: dict[str, str] = {}
    for name, declaration in declarations.items():
        key = name if declaration.key is None else declaration.key
        _check_key(f"{class_name}.{name}", key, is_input=is_input)
        other = owners.setdefault(key, name)
        if other != name:
            raise ConfigurationError(f"{class_name}.{name} and {class_name}.{other} are both called {key!r} in JSON")


def _check_key(where: str, key: object, *, is_input: bool) -> None:
    if (
        not isinstance(key, str)
        or not key
        or not is_storable_text(key)
        or any(each in '"\\' or each < " " for each in key)
    ):
        raise ConfigurationError(f"{where}: {key!r} cannot be a name in JSON: use text without quotes and backslashes")
    if is_input and ("[" in key or "]" in key):
        raise ConfigurationError(f"{where}: {key!r} cannot be the name of a form field: brackets stand for parts")


def refuse_again(class_name: str, names: list[str]) -> None:
    """Raise `ConfigurationError` for attributes that are inherited already."""
    if names:
        raise ConfigurationError(
            f"{class_name} declares {', '.join(names)} again: an inherited attribute keeps its type and its default"
        )


def refuse_hiding(class_name: str, name: str, bases: tuple[type, ...]) -> None:
    """Raise `ConfigurationError` for an attribute that is called like something that a base has."""
    if name == "Meta" or (name.startswith("__") and name.endswith("__")):
        raise ConfigurationError(f"{class_name}.{name}: this name is reserved, choose another one")
    for base in bases:
        is_mixin = not hasattr(base, "__declarations__")
        of_a_mixin = is_mixin and any(name in annotations_of(each) for each in base.__mro__)
        if hasattr(base, name) and not of_a_mixin:
            raise ConfigurationError(
                f"{class_name}.{name} hides {base.__name__}.{name}: choose another name for the attribute"
            )


def refuse_unannotated(class_name: str, namespace: Mapping[str, Any], known: Mapping[str, Declaration]) -> None:
    """Raise `ConfigurationError` for values that are no attributes."""
    for name, value in namespace.items():
        if name in namespace.get("__annotations__", {}) or (name.startswith("__") and name.endswith("__")):
            continue
        if name in known:
            raise ConfigurationError(
                f"{class_name}.{name} is an attribute of {known[name].owner}: it cannot be replaced in a subclass"
            )
        if not isinstance(value, type) and not hasattr(value, "__get__"):
            raise ConfigurationError(
                f"{class_name}.{name} has no annotation: write `{name}: {type(value).__name__} = ...` for an "
                f"attribute, or `{name}: ClassVar[...]` for a value of the class; supported types: {SUPPORTED}"
            )


def check_attributes(declared: Mapping[str, Declaration]) -> None:
    """Raise `ConfigurationError` for types that are not supported, and for defaults of another type."""
    for declaration in declared.values():
        try:
            shape = declaration.shape()
        except NameError:
            continue  # defined further down, perhaps: looked at again on first use
        if declaration.default is not msgspec.NODEFAULT and shape.kind is not Kind.CUSTOM:
            _check_default(declaration, shape)


def _check_default(declaration: Declaration, shape: Shape) -> None:
    try:
        wrong = flaw(shape, declaration.default, int_is_float=True)
    except ConfigurationError:
        return  # a value object that holds what is defined further down
    if wrong is not None:
        raise ConfigurationError(f"{declaration.owner}.{declaration.name} has a default that it cannot hold: {wrong}")
