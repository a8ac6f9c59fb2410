"""Annotations → attributes: which types a message may hold, and what each of them is."""

# marshmallow's annotations, and narrowing Any to a list or dict, leave unknown element types everywhere here.

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, Flag, StrEnum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)
from uuid import UUID

import msgspec
from marshmallow.fields import Field

from sequent_sa._annotations import as_written
from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.storable import is_storable_text

T = TypeVar("T")
Validator = Callable[[Any], Any]
SUPPORTED = (
    "str, int, float, bool, Decimal, date, datetime, UUID, an Enum of text or integers, Literal, Secret, "
    "a ValueObject, list[T], dict[str, T], T | None, Annotated[T, validators], or attr(field=...)"
)
_SCALARS = (str, int, float, bool, Decimal, date, datetime, UUID)


class Kind(StrEnum):
    """What sort of value an attribute holds."""

    SCALAR = "scalar"
    ENUM = "enum"
    LITERAL = "literal"
    SECRET = "secret"
    NESTED = "nested"
    LIST = "list"
    DICT = "dict"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Shape:
    """A resolved annotation. `type` is without None and validators; `item` is what a list or dict holds.

    `data_key` is what an attribute is called outside of Python, when it is not its name.
    """

    kind: Kind
    type: Any
    nullable: bool = False
    validators: tuple[Validator, ...] = ()
    item: Shape | None = None
    field: Field[Any] | None = None
    data_key: str | None = None

    def named(self, name: str) -> str:
        """What an attribute is called in JSON and in forms."""
        return self.data_key or name

    def leaves(self) -> Iterator[Shape]:
        """This shape and the ones inside lists and dicts; does not enter nested messages."""
        yield self
        if self.item is not None:
            yield from self.item.leaves()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an annotation was written, for resolving names in it."""

    module: str
    names: Mapping[str, Any]

    def resolve(self, annotation: object) -> object:
        """The annotation without strings in it. Raises `NameError` for names that are not defined yet."""
        holder = type("Holder", (), {"__annotations__": {"it": annotation}, "__module__": self.module})
        module_names = vars(sys.modules[self.module]) if self.module in sys.modules else {}
        return get_type_hints(holder, dict(module_names), dict(self.names), include_extras=True)["it"]


@dataclass(frozen=True, slots=True)
class Declaration:
    """An attribute as it was written."""

    owner: str
    name: str
    annotation: object
    scope: Scope
    field: Field[Any] | None = None
    data_key: str | None = None
    default: Any = msgspec.NODEFAULT

    @property
    def key(self) -> str | None:
        """What the attribute is called in JSON, when somebody has said so."""
        return self.data_key if self.data_key is not None or self.field is None else self.field.data_key

    def shape(self) -> Shape:
        """What the attribute holds.

        Raises `NameError` for names that are not defined yet, `ConfigurationError` for unsupported types.
        """
        if self.field is not None:
            return Shape(Kind.CUSTOM, object, nullable=self._is_nullable(), field=self.field, data_key=self.key)
        parsed = parse_annotation(self.scope.resolve(self.annotation), f"{self.owner}.{self.name}")
        return parsed if self.data_key is None else replace(parsed, data_key=self.data_key)

    def _is_nullable(self) -> bool:
        return type(None) in get_args(self.scope.resolve(self.annotation))


class Declared(Generic[T]):
    """What `attr` leaves in the class body."""

    def __init__(self, default: Any, default_factory: Any, field: Field[Any] | None, data_key: str | None) -> None:
        self.default = default
        self.default_factory = default_factory
        self.field = field
        self.data_key = data_key


@overload
def attr(*, field: Field[Any] | None = None, data_key: str | None = None) -> Any: ...
@overload
def attr(*, default: T, field: Field[Any] | None = None, data_key: str | None = None) -> T: ...
@overload
def attr(*, default_factory: Callable[[], T], field: Field[Any] | None = None, data_key: str | None = None) -> T: ...
def attr(
    *,
    default: Any = msgspec.NODEFAULT,
    default_factory: Any = msgspec.NODEFAULT,
    field: Any = None,
    data_key: str | None = None,
) -> Any:
    """Declare an attribute with more than a type: a default that is made anew each time, or a marshmallow field.

    `field` reads and writes the attribute, whatever its type; its `validate` guards the way in. `data_key` is what the
    attribute is called in stored JSON, in input and in errors. Raises `ConfigurationError` for both defaults at once.
    """
    if default is not msgspec.NODEFAULT and default_factory is not msgspec.NODEFAULT:
        raise ConfigurationError("attr(): give either default or default_factory, not both")
    return Declared[Any](default, default_factory, field, data_key)


def parse_annotation(annotation: Any, where: str) -> Shape:
    """The shape that an annotation describes. Raises `ConfigurationError` naming `where` when it is not supported."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extras = get_args(annotation)
        shape = parse_annotation(inner, where)
        return replace(shape, validators=shape.validators + _validators(extras, where))
    if origin in (Union, types.UnionType):
        return _parse_union(annotation, where)
    if origin is list and get_args(annotation):
        return Shape(Kind.LIST, list, item=parse_annotation(get_args(annotation)[0], where))
    if origin is dict and get_args(annotation):
        key, value = get_args(annotation)
        if key is not str:
            raise _unsupported(annotation, where, "JSON has only text as keys: use dict[str, ...]")
        return Shape(Kind.DICT, dict, item=parse_annotation(value, where))
    if origin is Literal:
        return _parse_literal(annotation, where)
    return _parse_class(annotation, where)


def _parse_union(annotation: Any, where: str) -> Shape:
    members = [member for member in get_args(annotation) if member is not type(None)]
    if len(members) != 1:
        raise _unsupported(annotation, where, "only T | None is possible; a value object can hold alternatives")
    return replace(parse_annotation(members[0], where), nullable=True)


def _parse_literal(annotation: Any, where: str) -> Shape:
    values = get_args(annotation)
    if not all(type(value) in (str, int) or value is None for value in values):
        raise _unsupported(annotation, where, "a Literal of text or integers is possible")
    _refuse_unstorable([value for value in values if value is not None], annotation, where)
    return Shape(Kind.LITERAL, annotation, nullable=None in values)


def _parse_class(annotation: Any, where: str) -> Shape:
    if annotation in _SCALARS:
        return Shape(Kind.SCALAR, annotation)
    bare = get_origin(annotation) or annotation  # typing.List is list
    if bare in (list, dict):
        raise _unsupported(annotation, where, f"say what it holds, such as {bare.__name__}[...]")
    if not isinstance(annotation, type):
        raise _unsupported(annotation, where)
    if annotation is Secret:
        return Shape(Kind.SECRET, Secret)
    if issubclass(annotation, Enum):
        return _parse_enum(annotation, where)
    value_object: Any = cast("object", annotation)
    if getattr(value_object, "__nestable__", False):
        if "__nestable__" in vars(value_object):
            raise _unsupported(value_object, where, "it holds nothing: derive a class that says what it holds")
        return Shape(Kind.NESTED, value_object)
    raise _unsupported(value_object, where)


def _parse_enum(annotation: type[Enum], where: str) -> Shape:
    values = [member.value for member in annotation.__members__.values()]
    if issubclass(annotation, Flag):
        raise _unsupported(annotation, where, "a Flag is several values in one: use a list of an Enum")
    if not any(values and all(type(value) is target for value in values) for target in (str, int)):
        raise _unsupported(annotation, where, "the values of an Enum must be text, or integers, and not both")
    _refuse_unstorable(values, annotation, where)
    return Shape(Kind.ENUM, annotation)


def _refuse_unstorable(values: list[Any], annotation: object, where: str) -> None:
    for value in values:
        if not (is_storable_text(value) if isinstance(value, str) else -(2**63) <= value < 2**63):
            raise _unsupported(annotation, where, f"{value!r} cannot be stored: it has NUL, or more than 64 bits")


def _validators(extras: list[Any], where: str) -> tuple[Validator, ...]:
    for extra in extras:
        if isinstance(extra, type):
            raise ConfigurationError(f"{where}: {extra.__name__} is a class, write {extra.__name__}(...)")
    return tuple(cast("Validator", extra) for extra in extras if callable(extra))


def _unsupported(annotation: object, where: str, hint: str = "") -> ConfigurationError:
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return ConfigurationError(
        f"{where}: {shown} is not supported{f' ({hint})' if hint else ''}; supported: {SUPPORTED}"
    )


def in_utc(value: Any) -> Any:
    """The value with aware moments in UTC, also inside lists and dicts; the value itself when nothing changes."""
    if isinstance(value, datetime):
        return value if value.tzinfo is UTC or value.utcoffset() is None else value.astimezone(UTC)
    if is_list(value):
        changed = [in_utc(item) for item in value]
        return changed if any(new is not old for new, old in zip(changed, value, strict=True)) else value
    if is_mapping(value):
        new = {key: in_utc(item) for key, item in value.items()}
        return new if any(new[key] is not value[key] for key in value) else value
    return value


def shapes_of(message_type: type) -> Mapping[str, Shape]:
    """What each attribute of a message class holds, in order of declaration, inherited ones first.

    Raises `ConfigurationError` for a type that is not supported or a name that cannot be resolved.
    """
    shapes: Mapping[str, Shape] | None = vars(message_type).get("__shapes__")
    if shapes is None:
        declarations: Mapping[str, Declaration] = getattr(message_type, "__declarations__")  # noqa: B009
        shapes = {name: _resolved(declaration) for name, declaration in declarations.items()}
        setattr(message_type, "__shapes__", shapes)  # noqa: B010
    return shapes


def shapes_by_key(message_type: type) -> Mapping[str, Shape]:
    """What each attribute of a message class holds, by what it is called in JSON and in forms."""
    return {shape.named(name): shape for name, shape in shapes_of(message_type).items()}


def values_by_key(message: Any) -> dict[str, Any]:
    """The values of a message, without its envelope, by what its attributes are called in JSON and in forms."""
    return {
        shape.named(name): getattr(message, name)
        for name, shape in shapes_of(message.__class__).items()
        if name not in message.__envelope__
    }


def _resolved(declaration: Declaration) -> Shape:
    try:
        return declaration.shape()
    except NameError as error:
        written = as_written(declaration.annotation)
        raise ConfigurationError(
            f"{declaration.owner}.{declaration.name}: the type {written!r} cannot be resolved "
            f"({error}): import it at run time, not only under TYPE_CHECKING, and define it at the top of a module"
        ) from error
