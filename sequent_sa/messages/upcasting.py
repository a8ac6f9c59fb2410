"""Old stored shape → current shape, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sequent_sa.exceptions import ConfigurationError

_MARK = "__sequent_upcast__"

StoredData = dict[str, Any]
Upcaster = Callable[[StoredData], object]
UpcastMethod = TypeVar("UpcastMethod", bound=Callable[..., object])


def upcast(method: UpcastMethod) -> UpcastMethod:
    """Mark a static method of an event or value object as bringing old stored data into the current shape.

    It is given the stored JSON as a dict and changes that in place, before it is loaded. Several run in the order
    of their definition, inherited ones first; a subclass overrides one by its name. Fractions are `Decimal`, moments
    and ids are text, as they are stored. The upcaster of an event also finds `aggregate_id`, `sequence_number` and
    `created_at`; changing these has no effect.

    Raises `ConfigurationError` when the method is not static.
    """
    given: object = method
    if not isinstance(given, staticmethod):
        name = getattr(method, "__qualname__", repr(method))
        raise ConfigurationError(f"{name}: put @upcast above @staticmethod, it has only the stored data to work on")
    setattr(method, _MARK, True)
    return method


def run_upcasters(upcasters: Sequence[Upcaster], data: StoredData) -> None:
    """Change stored data, step by step.

    Raises `ConfigurationError` for an upcaster that returns something: what it made would be lost.
    """
    for upcaster in upcasters:
        if upcaster(data) is not None:
            name = getattr(upcaster, "__qualname__", repr(upcaster))
            raise ConfigurationError(f"{name} returns a value: an upcaster changes the data that it is given, in place")


def collect_upcasters(message_type: type) -> Sequence[Upcaster]:
    """The upcasters of a class in the order in which they run."""
    names: dict[str, None] = {}
    for base in reversed(message_type.__mro__):
        for name, value in vars(base).items():
            if getattr(value, _MARK, False):
                names.setdefault(name)
    return tuple(getattr(message_type, name) for name in names)
