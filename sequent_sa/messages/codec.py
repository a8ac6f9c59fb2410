"""Message ↔ JSON text, compiled for each class on first use.

msgspec reads and writes; where it refuses what is stored, the fields of the class's `StoredSchema` decide. Moments are
written in UTC with a `Z`, decimals as text, enums by value, secrets as their hash.
"""

# marshmallow's annotations, and narrowing Any to a list or dict, leave unknown element types everywhere here.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
from marshmallow import ValidationError, missing

from sequent_sa.exceptions import (
    ConfigurationError,
    DeserializeCommandError,
    DeserializeEventError,
    EventNotSerializable,
)
from sequent_sa.messages.attributes import in_utc, shapes_of
from sequent_sa.messages.checks import contains, flaw, run_validators, shown
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.error_texts import messages_of
from sequent_sa.messages.event import Event
from sequent_sa.messages.exactness import exact, finite
from sequent_sa.messages.message_class import make_message
from sequent_sa.messages.native_types import has_validators, is_slow, native, values_getter
from sequent_sa.messages.schemas import defaults_of, schema_of
from sequent_sa.messages.secret import Secret, stored_secret
from sequent_sa.messages.upcasting import collect_upcasters, run_upcasters

E = TypeVar("E", bound=Event)
C = TypeVar("C", bound=BaseCommand)

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_HEADER = frozenset({"aggregate_id", "sequence_number", "created_at"})
READ_ERRORS = (
    msgspec.MsgspecError,
    ValidationError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


def encode_event(event: Event) -> str:
    """The attributes of an event as JSON text, without its header.

    What is returned reads back as an equal event, and a second encoding is the same text. Raises
    `EventNotSerializable`, naming the attribute, when that cannot be had, or when a validator refuses a value.
    """
    return codec_of(type(event)).encode_checked(event)


def decode_event(
    event_type: type[E], aggregate_id: UUID, sequence_number: int, created_at: datetime, data: str | bytes
) -> E:
    """The event that was stored. Upcasters run, unknown names are ignored. Raises `DeserializeEventError`."""
    codec = codec_of(event_type)
    try:
        if codec.upcasters:
            attributes = codec.read(data, _header(aggregate_id, sequence_number, created_at))
        else:
            attributes = codec.read(data)
        return cast("E", make_message(event_type, aggregate_id, sequence_number, created_at, **attributes))
    except ConfigurationError:
        raise
    except Exception as error:  # an upcaster may raise anything
        text = data if isinstance(data, str) else data.decode(errors="replace")
        name = event_type.__type_name__
        raise DeserializeEventError(name, aggregate_id, sequence_number, text, str(error) or repr(error)) from error


def encode_command(command: BaseCommand) -> str:
    """The attributes of a valid command as JSON text, without its target and its envelope.

    Raises `ValueError` for a secret in clear: `parse_command` hashes it.
    """
    return codec_of(type(command)).encode(command).decode()


def decode_command(
    command_type: type[C],
    *,
    aggregate_id: UUID | None,
    user_id: UUID | None,
    created_at: datetime,
    event_aggregate_id: UUID | None,
    event_sequence_number: int | None,
    data: str | bytes,
) -> C:
    """The command that was stored. Raises `DeserializeCommandError`."""
    try:
        attributes = codec_of(command_type).read(data)
    except ConfigurationError:
        raise
    except Exception as error:  # an upcaster may raise anything
        text = data if isinstance(data, str) else data.decode(errors="replace")
        raise DeserializeCommandError(command_type.__type_name__, text, str(error) or repr(error)) from error
    if "aggregate_id" in command_type.__struct_fields__:
        attributes["aggregate_id"] = aggregate_id
    return cast(
        "C",
        make_message(
            command_type,
            **attributes,
            user_id=user_id,
            created_at=created_at,
            event_aggregate_id=event_aggregate_id,
            event_sequence_number=event_sequence_number,
        ),
    )


class Codec:
    """Reads and writes the payload of one message class: its attributes without those that have columns."""

    def __init__(self, message_type: Any) -> None:
        without = _HEADER if issubclass(message_type, Event) else message_type.__envelope__ | {"aggregate_id"}
        self.message_type = message_type
        self.upcasters = collect_upcasters(message_type)
        self.shapes = {name: shape for name, shape in shapes_of(message_type).items() if name not in without}
        fields: dict[str, Any] = cast("Any", schema_of(message_type, "stored")()).fields
        self._fields = {name: fields[name] for name in self.shapes}
        self._slow = [name for name, shape in self.shapes.items() if is_slow(shape)]
        self._guarded = {name: shape for name, shape in self.shapes.items() if has_validators(shape)}
        self._exact = [(name, exact(shape)) for name, shape in self.shapes.items()]
        found = [(name, finite(shape)) for name, shape in self.shapes.items() if name not in self._slow]
        self.finite = [(name, test) for name, test in found if test is not None]
        self._has_floats = contains(message_type, lambda shape: shape.type is float)
        self._values = values_getter(list(self.shapes))
        self._names = {name: shape.named(name) for name, shape in self.shapes.items()}
        self._written = msgspec.defstruct(
            message_type.__name__, [(name, Any) for name in self.shapes], rename=self._names
        )
        self._encode = msgspec.json.Encoder(enc_hook=_write_hook).encode
        self._payload = msgspec.defstruct(
            message_type.__name__, self._payload_fields(), kw_only=True, rename=self._names
        )
        self._decode = msgspec.json.Decoder(self._payload, dec_hook=_read_hook).decode

    @property
    def plain_decoder(self) -> Callable[[Any], Any] | None:
        """What reads a payload all by itself, when nothing but `finite` is left to do with what it reads."""
        return None if self.upcasters or self._slow else self._decode

    def _payload_fields(self) -> list[Any]:
        defaults = defaults_of(self.message_type)
        # What upcasters have seen is parsed already.
        unread: Any = Any if self.upcasters else msgspec.Raw
        found: list[Any] = []
        for name, shape in self.shapes.items():
            read_as = unread if name in self._slow else native(shape)
            if name in self._slow:
                # What is absent must be told from null: only the field knows its default.
                found.append((name, read_as, msgspec.UNSET))
            elif name in defaults:
                default = defaults[name]
                made = msgspec.field(default_factory=default) if callable(default) else msgspec.field(default=default)
                found.append((name, read_as, made))
            else:
                found.append((name, read_as, None) if shape.nullable else (name, read_as))
        return found

    def encode(self, message: Any) -> bytes:
        """The payload of a message as JSON."""
        if not self._slow:
            return self._encode(self._written(*self._values(message)))
        written = {
            key: self._fields[name].serialize(name, message) if name in self._slow else getattr(message, name)
            for name, key in self._names.items()
        }
        return self._encode(written)

    def _encode_attributes(self, event: Event, attributes: Mapping[str, Any]) -> bytes:
        if self._slow:
            return self.encode(make_message(self.message_type, event.aggregate_id, 1, event.created_at, **attributes))
        return self._encode(self._written(**attributes))

    def read(self, data: str | bytes, header: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The attributes that are stored, by name."""
        if not self.upcasters:
            try:
                return self._finish(self._decode(data))
            except (msgspec.MsgspecError, ValueError):
                return self._read_by_schema(_parse(data))
        raw = {**_parse(data), **(header or {})}
        run_upcasters(self.upcasters, raw)
        try:
            return self._finish(msgspec.convert(raw, self._payload, dec_hook=_read_hook))
        except (msgspec.MsgspecError, ValueError):
            return self._read_by_schema(raw)

    def _finish(self, payload: Any) -> dict[str, Any]:
        for name, is_finite in self.finite:
            if not is_finite(getattr(payload, name)):
                raise ValueError(f"{self._names[name]} is not a finite number")
        attributes = msgspec.structs.asdict(payload)
        for name in self._slow:
            value = attributes[name]
            if isinstance(value, msgspec.Raw):
                value = _generic.decode(value)
            attributes[name] = self._fields[name].deserialize(missing if value is msgspec.UNSET else value)
        return attributes

    def _read_by_schema(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, field in self._fields.items():
            try:
                value = field.deserialize(raw.get(self._names[name], missing), self._names[name], raw)
            except ValidationError as error:
                errors[self._names[name]] = messages_of(error)
            else:
                if value is not missing:
                    attributes[name] = value
        if errors:
            raise ValidationError(errors)
        return attributes

    def encode_checked(self, event: Event) -> str:
        """The payload of an event, proven to be readable. Raises `EventNotSerializable`."""
        try:
            self._guard(event)
            if not self._is_exact(event):
                return self._encode_tried(event)
            data = self.encode(event)
        except RecursionError as error:
            raise EventNotSerializable(type(event), "it is nested too deep") from error
        except READ_ERRORS as error:
            raise self._refusal(event, str(error)) from error
        if b"\\" in data and _NUL.search(data):
            raise self._refusal(event, "its text has a NUL character")
        return data.decode()

    def _is_exact(self, event: Event) -> bool:
        if self.upcasters:
            return False
        for name, is_exact in self._exact:  # noqa: SIM110 - a generator costs as much as what it saves
            if not is_exact(getattr(event, name)):
                return False
        return True

    def _encode_tried(self, event: Event) -> str:
        try:
            data = self.encode(event)
            read = self._read_own(event, data)
            again = self._encode_attributes(event, read)
            equal = tuple(read[name] for name in self.shapes) == self._values(event)
        except RecursionError:
            raise
        except READ_ERRORS as error:
            raise self._refusal(event, str(error)) from error
        if b"\\" in data and _NUL.search(data):
            raise self._refusal(event, "its text has a NUL character")
        if not equal or (again != data and not self._only_widened(event)):
            raise self._refusal(event, "it reads back as something else", read)
        if b'Infinity"' in again and self._flaws(event):
            raise self._refusal(event, "it is not a finite number")
        return again.decode()

    def _read_own(self, event: Event, data: bytes) -> dict[str, Any]:
        if not self.upcasters:
            return self.read(data)
        return self.read(data, _header(event.aggregate_id, event.sequence_number, event.created_at))

    def _guard(self, event: Event) -> None:
        if event.created_at.tzinfo is not UTC and event.created_at.utcoffset() is None:
            reason = f"{shown(event.created_at)} has no timezone: give an aware datetime"
            raise EventNotSerializable(type(event), reason, "created_at")
        for name, shape in self._guarded.items():
            try:
                run_validators(shape, getattr(event, name))
            except ValidationError as error:
                raise EventNotSerializable(type(event), str(error), name) from error

    def _only_widened(self, event: Event) -> bool:
        return self._has_floats and not self._flaws(event)

    def _flaws(self, event: Event) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, shape in self.shapes.items():
            value = getattr(event, name)
            if isinstance(value, Secret) and not value.is_hashed:
                found[name] = "the secret is in clear: use Secret.hashed()"
            elif name not in self._slow:
                reason = flaw(shape, value, int_is_float=True)
                if reason is not None:
                    found[name] = reason
        return found

    def _refusal(self, event: Event, reason: str, read: Mapping[str, Any] | None = None) -> EventNotSerializable:
        flaws = self._flaws(event)
        if flaws:
            name, why = next(iter(flaws.items()))
            return EventNotSerializable(type(event), why, name)
        if read is not None:
            for name in self.shapes:
                if getattr(event, name) != read[name]:
                    reason = f"{shown(getattr(event, name))} reads back as {shown(read[name])}"
                    return EventNotSerializable(type(event), reason, name)
        return EventNotSerializable(type(event), reason, self._slow[0] if len(self._slow) == 1 else None)


def _header(aggregate_id: UUID, sequence_number: int, created_at: datetime) -> dict[str, Any]:
    return {
        "aggregate_id": str(aggregate_id),
        "sequence_number": sequence_number,
        "created_at": msgspec.to_builtins(in_utc(created_at)),
    }


def codec_of(message_type: Any) -> Codec:
    """The codec of a class of messages, which is made when it is first asked for."""
    known: dict[str, Any] = message_type.__dict__
    codec: Codec | None = known.get("__codec__")
    if codec is None:
        codec = Codec(message_type)
        message_type.__codec__ = codec
    return codec


def _parse(data: str | bytes) -> dict[str, Any]:
    # Fractions as Decimal: a float would lose digits on the way to a decimal attribute.
    raw = _generic.decode(data)
    if not isinstance(raw, dict):
        raise ValueError("the stored JSON is not an object")
    return cast("dict[str, Any]", raw)


def _write_hook(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.hashed_value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _read_hook(target: type, value: Any) -> Any:
    if target is Secret:
        return stored_secret(value)
    raise TypeError(f"{target.__name__} has no JSON form")


_generic: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
