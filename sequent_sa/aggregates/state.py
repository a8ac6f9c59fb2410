"""The state that an aggregate class declares, and the defaults that each instance gets a copy of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, cast
from uuid import UUID

from sequent_sa._annotations import annotations_of
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.message import Message

StateDefaults = Mapping[str, Callable[[], Any]]
"""For each attribute with a mutable default: what makes a fresh copy of it."""

_IMMUTABLE: tuple[type[Any], ...] = (
    type(None), bool, int, float, complex, str, bytes, frozenset, Decimal, date, datetime, time, timedelta, UUID,
    Enum, Message,
)  # fmt: skip


def collect_state(aggregate_type: type, root: type) -> StateDefaults:
    """Read the annotated attributes of a class and its bases below `root`.

    Raises `ConfigurationError` when one of them would hide an attribute of `root`, or when a mutable value
    stands in the class without annotation.
    """
    defaults: dict[str, Callable[[], Any]] = {}
    for base in reversed(aggregate_type.__mro__):
        if base is root or not issubclass(base, root):
            continue
        annotated = annotations_of(base)
        _refuse_hidden(base, annotated, root)
        for name, value in cast("Mapping[str, object]", vars(base)).items():
            if name in annotated:
                defaults.pop(name, None)
                if not _is_immutable(value):
                    defaults[name] = partial(deepcopy, value)
            elif type(value) in (list, dict, set, bytearray) and not name.startswith("__"):
                raise ConfigurationError(
                    f"{base.__name__}.{name} is a {type(value).__name__} that all instances would share: annotate it "
                    f"(`{name}: {type(value).__name__} = ...`) and each instance gets a copy of its own"
                )
    return defaults


def _refuse_hidden(base: type, annotated: Mapping[str, object], root: type) -> None:
    for name in annotated:
        if hasattr(root, name) or name == "aggregate_id":
            raise ConfigurationError(
                f"{base.__name__}.{name} hides {root.__name__}.{name}: choose another name for this part of the state"
            )


def _is_immutable(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_immutable, cast("tuple[object, ...]", value)))
    return isinstance(value, _IMMUTABLE) or callable(value) or hasattr(value, "__get__")
