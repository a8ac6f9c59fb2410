"""Declaring what must be unique among all aggregates of an application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar, cast

from sequent_sa.exceptions import ConfigurationError

_SCOPE = "__sequent_unique_key__"

UniqueKey = Mapping[str, object]
KeyMethod = TypeVar("KeyMethod", bound=Callable[[Any], UniqueKey | None])


class _HasUniqueKeys(Protocol):
    __unique_key_methods__: ClassVar[Mapping[str, str]]


def unique_key(scope: str) -> Callable[[KeyMethod], KeyMethod]:
    """Mark a method of an aggregate as computing its key in `scope`.

    The method returns a mapping of names to JSON values, or None when the aggregate has no key now. Values that
    are None are left out; a key of which nothing is left counts as no key. No two aggregates can hold equal keys
    in one scope: the database refuses the second when its events are committed, with `AggregateKeyNotUnique`.

    Raises `ConfigurationError` for a scope that is not an identifier.
    """
    if not scope.isidentifier():
        raise ConfigurationError(f"unique key scope {scope!r} must be an identifier, such as 'author_email'")

    def mark(method: KeyMethod) -> KeyMethod:
        setattr(method, _SCOPE, scope)
        return method

    return mark


def collect_unique_keys(aggregate_type: type) -> dict[str, str]:
    """The scopes that a class and its bases declare, each with the name of the method that computes it.

    Raises `ConfigurationError` when two methods of different names claim one scope.
    """
    scopes: dict[str, str] = {}
    for base in reversed(aggregate_type.__mro__):
        for name, value in vars(base).items():
            scope = cast("str | None", getattr(value, _SCOPE, None))
            if scope is None:
                continue
            if scopes.get(scope, name) != name:
                raise ConfigurationError(
                    f"{aggregate_type.__name__}: the unique key {scope!r} is computed by both "
                    f"{scopes[scope]} and {name}; keep one of them"
                )
            scopes[scope] = name
    return scopes


def current_unique_keys(aggregate: _HasUniqueKeys) -> dict[str, UniqueKey]:
    """The keys that an aggregate holds in its present state, by scope."""
    keys: dict[str, UniqueKey] = {}
    for scope, method in aggregate.__unique_key_methods__.items():
        key: UniqueKey | None = getattr(aggregate, method)()
        present = {name: value for name, value in (key or {}).items() if value is not None}
        if present:
            keys[scope] = present
    return keys
