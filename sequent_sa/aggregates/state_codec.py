"""The state of an aggregate ↔ JSON text, compiled for each class on first use."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, cast, get_origin

import msgspec

from sequent_sa._annotations import annotations_of, as_written
from sequent_sa._narrowing import is_mapping
from sequent_sa.aggregates.state_types import state_type
from sequent_sa.exceptions import ConfigurationError, StateNotSerializable
from sequent_sa.messages.attributes import Scope, shapes_of
from sequent_sa.messages.message import Message
from sequent_sa.messages.secret import Secret

_READ_ERRORS = (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError)


class _Document(msgspec.Struct):
    # The state is text in the JSON document: jsonb would reorder dicts and rewrite numbers, and what was compared
    # when the snapshot was taken is then what is read.
    created_at: datetime
    attributes: list[str]
    state: str


def state_codec(aggregate_type: type, root: type) -> StateCodec:
    """The codec of a class, made once. Raises `StateNotSerializable`."""
    codec = _codecs.get(aggregate_type)
    if codec is None:
        codec = _codecs[aggregate_type] = StateCodec(aggregate_type, root)
    return codec


class StateCodec:
    """Reads and writes the annotated attributes of one aggregate class.

    Raises `StateNotSerializable` for an annotation that has no form in JSON.
    """

    def __init__(self, aggregate_type: type, root: type) -> None:
        self._aggregate_type = aggregate_type
        self._types: dict[str, Any] = {}
        for base in reversed(aggregate_type.__mro__):
            if issubclass(base, root) and base is not root:
                self._types.update(_annotated(base))
        self._derived = {
            name for base in aggregate_type.__mro__ for name, each in vars(base).items() if _is_cached(each)
        }
        self._names = sorted(self._types)
        self._decoders = {name: _decoder(aggregate_type, name, each) for name, each in self._types.items()}
        fields: list[Any] = [(name, each | msgspec.UnsetType, msgspec.UNSET) for name, each in self._types.items()]
        self._decode = msgspec.json.Decoder(
            msgspec.defstruct("State", fields, kw_only=True, forbid_unknown_fields=True), dec_hook=_read_hook
        ).decode

    def dump(self, state: Mapping[str, object], created_at: datetime) -> str:
        """The state as JSON text, from which `load` makes an equal state.

        Raises `StateNotSerializable`, naming the attribute, when that cannot be had.
        """
        written: dict[str, msgspec.Raw] = {}
        seen: set[int] = set()
        for name, value in state.items():
            if name in self._derived:
                continue
            if name not in self._types:
                kind = type(value).__name__
                raise StateNotSerializable(
                    self._aggregate_type,
                    name,
                    f"it is not declared: annotate it in the class, such as `{name}: {kind}`",
                )
            data = self._encoded(name, value)
            for flaw in _differences(value, self._read(name, data), seen):
                raise StateNotSerializable(self._aggregate_type, name, flaw)
            written[name] = msgspec.Raw(data)
        text = msgspec.json.encode(written).decode()
        return msgspec.json.encode(_Document(created_at, self._names, text)).decode()

    def load(self, data: str) -> tuple[dict[str, Any], datetime]:
        """The state, and the time of the first event. Raises `ValueError` for what this class cannot have written."""
        try:
            document = msgspec.json.decode(data, type=_Document)
            if document.attributes != self._names:
                changed = ", ".join(sorted(set(document.attributes) ^ set(self._names)))
                raise ValueError(f"the class has other attributes now ({changed}): raise its snapshot_version")
            state: Any = self._decode(document.state)
        except _READ_ERRORS as error:
            raise ValueError(str(error)) from error
        found = {name: getattr(state, name) for name in self._names}
        return {name: value for name, value in found.items() if value is not msgspec.UNSET}, document.created_at

    def _encoded(self, name: str, value: object) -> bytes:
        try:
            return msgspec.json.encode(value, enc_hook=_write_hook)
        except (*_READ_ERRORS, UnicodeError) as error:
            raise StateNotSerializable(self._aggregate_type, name, str(error)) from error

    def _read(self, name: str, data: bytes) -> object:
        try:
            return self._decoders[name].decode(data)
        except _READ_ERRORS as error:
            raise StateNotSerializable(
                self._aggregate_type, name, f"its value is not what the annotation says ({error})"
            ) from error


def _annotated(base: type) -> Iterator[tuple[str, Any]]:
    scope = Scope(base.__module__, {})
    for name, annotation in annotations_of(base).items():
        try:
            resolved = scope.resolve(annotation)
            if resolved is not ClassVar and get_origin(resolved) is not ClassVar:
                yield name, state_type(resolved, f"{base.__name__}.{name}")
        except NameError as error:
            reason = f"the type {as_written(annotation)!r} cannot be resolved ({error}): import it at run time"
            raise StateNotSerializable(base, name, reason) from error
        except (ConfigurationError, TypeError) as error:
            raise StateNotSerializable(base, name, str(error)) from error


def _is_cached(value: object) -> bool:
    return isinstance(value, cached_property)


def _decoder(aggregate_type: type, name: str, read_as: Any) -> msgspec.json.Decoder[Any]:
    try:
        return msgspec.json.Decoder(read_as, dec_hook=_read_hook)
    except (TypeError, NameError) as error:
        raise StateNotSerializable(aggregate_type, name, str(error)) from error


def _differences(value: Any, read: Any, seen: set[int]) -> Iterator[str]:
    """Why a restored value is not exactly what it was. `seen` are the mutable objects met so far, by identity."""
    kind = cast("Any", type(value))
    if kind is not type(read) and not (kind is int and type(read) is float and value == read):
        yield f"{value!r} comes back as {read!r}, a {type(read).__name__}: make it what the annotation says"
    elif kind in (list, dict, set) or _is_mutable_dataclass(value):
        if id(value) in seen:
            yield f"{value!r} is in the state twice, and would come back as two objects: copy it"
        seen.add(id(value))
    yield from _inner_differences(value, read, seen)


def _inner_differences(value: Any, read: Any, seen: set[int]) -> Iterator[str]:
    if value != read:
        yield f"{value!r} comes back as {read!r}"
    elif isinstance(value, datetime) and value.tzinfo != read.tzinfo:
        yield f"{value!r} loses its time zone: use `.astimezone(UTC)`"
    elif isinstance(value, Secret):
        return
    elif isinstance(value, list | tuple):
        for mine, other in zip(cast("list[Any]", value), read, strict=True):
            yield from _differences(mine, other, seen)
    elif is_mapping(value):
        for mine, other in zip(value.items(), read.items(), strict=True):
            yield from _differences(mine, other, seen)
    elif isinstance(value, set | frozenset):
        others = {each: each for each in read}
        for mine in cast("set[Any]", value):
            yield from _differences(mine, others[mine], seen)
    else:
        for name in _parts(value):
            yield from _differences(getattr(value, name), getattr(read, name, None), seen)


def _parts(value: object) -> Iterator[str]:
    if isinstance(value, Message):
        yield from shapes_of(type(value))
    elif dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        yield from dict.fromkeys([*names, *getattr(value, "__dict__", {})])


def _is_mutable_dataclass(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not cast("Any", value).__dataclass_params__.frozen


def _write_hook(value: object) -> str:
    if isinstance(value, Secret):
        return value.hashed_value
    raise TypeError(f"a {type(value).__name__} has no form in JSON: keep a value object, a dataclass or plain values")


def _read_hook(target: type, value: Any) -> Secret:
    if target is Secret:
        return Secret.from_hash(value)
    raise TypeError(f"{target.__name__} has no form in JSON")


_codecs: dict[type, StateCodec] = {}
