"""The class of message classes: annotations → attributes, mistakes reported where they are made."""

# msgspec's metaclass has no type of its own, so everything inherited from it is unknown, also that this is a metaclass.

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

import msgspec
from marshmallow import Schema

from sequent_sa._annotations import annotations_in, annotations_of
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Declaration, Declared, Kind, Scope, in_utc
from sequent_sa.messages.class_keywords import alias_names, refuse_keywords
from sequent_sa.messages.class_mistakes import (
    check_attributes,
    check_rules,
    is_class_variable,
    is_input,
    refuse_again,
    refuse_hiding,
    refuse_same_keys,
    refuse_unannotated,
    refuse_unlike_bases,
)

if TYPE_CHECKING:
    # msgspec's metaclass is not published with its own type; to checkers any metaclass will do.
    _StructMeta = type
else:
    _StructMeta = type(msgspec.Struct)

_ANY_STRUCT: Any = type(msgspec.Struct)
make_message: Any = _ANY_STRUCT.__call__
"""Makes an instance without the friendlier errors, for when the attributes are known to be right."""


class MessageMeta(_StructMeta):
    """Turns the annotations of a class body into attributes; reports mistakes when the class is defined."""

    __declarations__: dict[str, Declaration]
    __type_name__: str
    __type_aliases__: tuple[str, ...]

    def __new__(
        mcls,
        class_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        *,
        name: str | None = None,
        aliases: Iterable[str] = (),
        schema: type[Schema] | None = None,
        **unknown: object,
    ) -> MessageMeta:
        refuse_keywords(class_name, unknown, ("name", "aliases", "schema"))
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage] # where the class statement stands
        local_names = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
        scope = Scope(namespace["__module__"], local_names)
        inherited = _inherited(bases)
        declared = _declare(class_name, namespace, bases, inherited, scope)
        refuse_unannotated(class_name, namespace, {**inherited, **declared})
        declarations = {**inherited, **declared}
        refuse_same_keys(class_name, declarations, is_input=is_input(bases))
        envelope = namespace.get("__envelope__", _inherited_value(bases, "__envelope__", frozenset[str]()))
        _add_post_init(namespace, bases, declarations, envelope)
        make: Any = super().__new__
        cls: Any = make(
            mcls, class_name, bases, namespace, frozen=True, kw_only=not namespace.get("__positional__", False)
        )
        # Only now can annotations name the class itself.
        local_names.setdefault(class_name, cls)
        cls.__declarations__ = declarations
        cls.__type_name__ = name or class_name
        cls.__type_aliases__ = alias_names(class_name, aliases)
        if schema is not None:
            check_rules(cls, schema)
        cls.__rules__ = schema
        cls.__compared__ = _getter([name for name in cls.__struct_fields__ if name not in envelope])
        check_attributes(declared)
        return cast("MessageMeta", cls)

    def __init__(cls, *args: Any, **_options: Any) -> None:
        super().__init__(*args)

    def __call__(cls, /, *args: Any, **attributes: Any) -> Any:
        try:
            return make_message(cls, *args, **attributes)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}; its attributes are {_given_names(cls)}") from None


def _given_names(cls: MessageMeta) -> str:
    """What a user gives: all attributes but those of the envelope that the framework fills in."""
    struct: Any = cls
    fields: tuple[msgspec.structs.FieldInfo, ...] = msgspec.structs.fields(struct)
    return ", ".join(each.name for each in fields if each.required or each.name not in struct.__envelope__)


def _getter(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _message: ()


def _inherited(bases: tuple[type, ...]) -> dict[str, Declaration]:
    refuse_unlike_bases(bases)
    found: dict[str, Declaration] = {}
    for base in bases:
        for name, declaration in getattr(base, "__declarations__", {}).items():
            if found.setdefault(name, declaration).owner != declaration.owner:
                raise ConfigurationError(
                    f"{declaration.owner}.{name} and {found[name].owner}.{name} meet in one class: rename one of them"
                )
    return found


def _inherited_value(bases: tuple[type, ...], name: str, default: Any) -> Any:
    return next((getattr(base, name) for base in bases if hasattr(base, name)), default)


def _declare(
    class_name: str,
    namespace: dict[str, Any],
    bases: tuple[type, ...],
    inherited: Mapping[str, Declaration],
    scope: Scope,
) -> dict[str, Declaration]:
    annotations: dict[str, Any] = {}
    scopes: dict[str, Scope] = {}
    for mixin in _mixins(bases):
        found = annotations_of(mixin)
        refuse_again(class_name, [name for name in found if name in annotations or name in inherited])
        for name, annotation in found.items():
            annotations[name] = annotation
            scopes[name] = Scope(mixin.__module__, scope.names)
            if name in vars(mixin):
                namespace.setdefault(name, vars(mixin)[name])
    own = annotations_in(namespace)
    refuse_again(class_name, [name for name in own if name in annotations or name in inherited])
    annotations.update(own)
    declared: dict[str, Declaration] = {}
    for name, annotation in annotations.items():
        if is_class_variable(annotation):
            continue
        refuse_hiding(class_name, name, bases)
        declared[name] = _taken(namespace, Declaration(class_name, name, annotation, scopes.get(name, scope)))
    namespace["__annotations__"] = annotations
    return declared


def _mixins(bases: tuple[type, ...]) -> list[type]:
    found: dict[type, None] = {}
    for base in bases:
        if not isinstance(base, _ANY_STRUCT):
            for each in reversed(base.__mro__[:-1]):
                found.setdefault(each)
    return list(found)


def _taken(namespace: dict[str, Any], declaration: Declaration) -> Declaration:
    """The declaration with what the class body says about it; only the default stays there, as msgspec wants it."""
    name = declaration.name
    value: Any = namespace.pop(name, msgspec.NODEFAULT)
    is_declared = isinstance(value, Declared)
    declared: Declared[Any] = cast("Any", value) if is_declared else Declared(value, msgspec.NODEFAULT, None, None)
    if declared.default is not msgspec.NODEFAULT:
        namespace[name] = _safe_default(declared.default)
    elif declared.default_factory is not msgspec.NODEFAULT:
        namespace[name] = msgspec.field(default_factory=declared.default_factory)
    return replace(declaration, field=declared.field, data_key=declared.data_key, default=declared.default)


def _safe_default(value: Any) -> Any:
    return msgspec.field(default_factory=partial(deepcopy, value)) if _can_change(value) else value


def _can_change(value: Any) -> bool:
    if isinstance(value, msgspec.Struct):
        return any(_can_change(getattr(value, name)) for name in value.__struct_fields__)
    return isinstance(value, list | dict | set)


def _add_post_init(
    namespace: dict[str, Any],
    bases: tuple[type, ...],
    declarations: Mapping[str, Declaration],
    envelope: frozenset[str],
) -> None:
    # Moments are kept in UTC, so that what is read back equals what was stored, also in a daylight-saving fold.
    # Only classes that hold moments pay for this.
    always: tuple[str, ...] = _inherited_value(bases, "__header_times__", ())
    always = namespace.get("__header_times__", always)
    moments = [name for name, each in declarations.items() if name in always or (name not in envelope and _timed(each))]
    inherited: Any = _inherited_value(bases, "__post_init__", None)
    own = namespace.get("__post_init__", getattr(inherited, "__own__", inherited))
    if moments:
        namespace["__post_init__"] = _utc_post_init(tuple(moments), own)


def _timed(declaration: Declaration) -> bool:
    try:
        shape = declaration.shape()
    except (NameError, ConfigurationError):
        return True
    return any(leaf.kind is Kind.SCALAR and leaf.type.__name__ == "datetime" for leaf in shape.leaves())


def _utc_post_init(names: tuple[str, ...], own: Callable[[Any], object] | None) -> Callable[[Any], None]:
    """A `__post_init__` that brings the moments in these attributes to UTC, and then does what the class wants."""

    def __post_init__(self: Any) -> None:
        for name in names:
            value = getattr(self, name)
            if value is None or getattr(value, "tzinfo", None) is UTC:
                continue
            new = in_utc(value)
            if new is not value:
                msgspec.structs.force_setattr(self, name, new)
        if own is not None:
            own(self)

    vars(__post_init__).update(__own__=own, __moments__=names)
    return __post_init__


def completed_moments(cls: type) -> tuple[str, ...] | None:
    """The attributes that are brought to UTC when an instance is made; None when the class does more than that."""
    post_init: Any = getattr(cls, "__post_init__", None)
    if post_init is None:
        return ()
    known: dict[str, Any] = post_init.__dict__
    moments: tuple[str, ...] | None = known.get("__moments__")
    return moments if known.get("__own__") is None else None
