"""Message: an annotated class whose instances are immutable values."""

# Narrowing Any to a list or dict leaves unknown element types.

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, Self, TypeVar, cast, dataclass_transform

import msgspec
from marshmallow import Schema

from sequent_sa._narrowing import is_list, is_mapping, is_tuple
from sequent_sa.messages.attributes import Declaration, attr
from sequent_sa.messages.message_class import MessageMeta
from sequent_sa.messages.redaction import shown_attributes

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

if TYPE_CHECKING:

    class Replaceable(Protocol[P, R_co]):
        """What type checkers make of a class with attributes, from target version 3.13 on."""

        def __replace__(self, *args: P.args, **changes: P.kwargs) -> R_co: ...

    class _Root:
        def __init_subclass__(
            cls, *, name: str | None = None, aliases: Iterable[str] = (), schema: type[Schema] | None = None
        ) -> None: ...

else:

    class _Root(msgspec.Struct, metaclass=MessageMeta):
        __envelope__: ClassVar[frozenset[str]] = frozenset()


def header(*, default: Any = ..., default_factory: Any = ..., kw_only: bool = True, init: bool = True) -> Any:
    """Declare an attribute of the framework's own. `kw_only` and `init` are for type checkers."""
    if default is not ...:
        return default
    return attr() if default_factory is ... else attr(default_factory=default_factory)


@dataclass_transform(eq_default=True, kw_only_default=True, frozen_default=True, field_specifiers=(attr, header))
class Message(_Root):
    """The root of commands, events and value objects.

    Annotations are attributes; instances are keyword-only, immutable, and equal when their class and attributes
    are. What the framework adds (the envelope, such as the moment of creation) takes no part in that. Immutability is
    shallow: put no changing list into a message. Moments are brought to UTC. Nothing is validated here.

    Class keywords: `name` is what the store records as the type (the class name by default), `aliases` the names that
    older rows carry, `schema` a marshmallow schema whose hooks (`@validates`, `@pre_load`, ...) guard the way in of
    commands and value objects.

    Raises `ConfigurationError` at class definition for a type that is not supported, a value without annotation, an
    attribute that is declared twice or hides a method; `TypeError` for an unknown or missing attribute.
    """

    __nestable__: ClassVar[bool] = False
    __envelope__: ClassVar[frozenset[str]] = frozenset()
    __declarations__: ClassVar[Mapping[str, Declaration]] = {}
    __struct_fields__: ClassVar[tuple[str, ...]]
    __type_name__: ClassVar[str] = "Message"
    __type_aliases__: ClassVar[tuple[str, ...]] = ()
    __compared__: ClassVar[Callable[[Any], Any]]

    if TYPE_CHECKING and sys.version_info >= (3, 13):

        @property
        def evolve(self: Replaceable[P, R_co]) -> Callable[P, R_co]: ...

    else:

        def evolve(self, /, **changes: Any) -> Self:
            """A copy with some attributes changed. Raises `TypeError` for an attribute that the class does not have.

            Type checkers know the names and types of the attributes from target version 3.13 on.
            """
            return cast("Self", _changed(self, changes))

    def to_dict(self) -> dict[str, Any]:
        """The attributes by name, without the envelope; value objects inside become dicts too."""
        return {name: _plain(getattr(self, name)) for name in self.__struct_fields__ if name not in self.__envelope__}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_attributes(self)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        compared = type(self).__compared__
        return bool(compared(self) == compared(other))

    def __hash__(self) -> int:
        values = type(self).__compared__(self)
        try:
            return hash((type(self), values))
        except TypeError:
            return hash((type(self), _hashable(values)))


def _changed(message: Any, changes: Mapping[str, Any]) -> Any:
    unknown = [name for name in changes if name not in message.__struct_fields__]
    if unknown:
        raise TypeError(f"{type(message).__name__} has no attribute {', '.join(unknown)}")
    return msgspec.structs.replace(message, **changes)


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_dict()
    if is_list(value):
        return [_plain(item) for item in value]
    if is_mapping(value):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _hashable(value: Any) -> Any:
    if is_list(value) or is_tuple(value):
        return tuple(_hashable(item) for item in value)
    if is_mapping(value):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    return value
