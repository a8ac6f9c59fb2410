"""What is wrong with a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sequent_sa._naming import snake_case
from sequent_sa.exceptions.root import SequentError

if TYPE_CHECKING:
    from sequent_sa.messages.command import BaseCommand
    from sequent_sa.messages.event import Event


class MessageError(SequentError):
    """Something is wrong with a command or an event."""


class CommandNotValid(MessageError, ValueError):
    """A command breaks the rules of its schema; nothing was done.

    `command_type` is the class; `command` the command as it was given, or None when it was made from raw
    parameters that could not be parsed; `errors` marshmallow's dictionary of messages, nested as the
    attributes are; `params` the input, secrets removed, for showing the form again.
    """

    def __init__(
        self,
        command_type: type[BaseCommand],
        errors: Mapping[str, object],
        *,
        command: BaseCommand | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        self.command_type = command_type
        self.command = command
        self.errors = dict(errors)
        self.params = dict(params or {})
        aggregate_id = getattr(command, "aggregate_id", None) or self.params.get("aggregate_id")
        whose = f" ({_short(aggregate_id, 80)})" if aggregate_id and isinstance(aggregate_id, UUID | str) else ""
        details = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in self.flat_errors().items())
        super().__init__(f"{command_type.__name__}{whose} is not valid: {_short(details, 2000)}")

    @property
    def form_name(self) -> str:
        """The name of the command class in lower case, with underscores: a prefix for the fields of its form."""
        return snake_case(self.command_type.__name__)

    def flat_errors(self, prefix: str | None = None) -> dict[str, list[str]]:
        """The messages by the name of the form field: `lines[0][cents]`, or `order[lines][0][cents]` with a prefix.

        What is not about one attribute stands under `_schema`.
        """
        flat: dict[str, list[str]] = {}
        _flatten(self.errors, [prefix] if prefix else [], flat)
        return flat


def _short(value: object, longest: int) -> str:
    # Users may send names and ids of any length; the attributes of the error have them in full.
    text = str(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def _flatten(errors: object, path: list[str], into: dict[str, list[str]]) -> None:
    if isinstance(errors, Mapping):
        for key, value in cast("Mapping[object, object]", errors).items():
            _flatten(value, [*path, str(key)], into)
    elif isinstance(errors, Iterable) and not isinstance(errors, str):
        for value in cast("Iterable[object]", errors):
            _flatten(value, path, into)
    else:
        first, *rest = path
        into.setdefault(first + "".join(f"[{step}]" for step in rest), []).append(str(errors))


class EventNotSerializable(MessageError):
    """An event could not be stored and read back as an equal event, so it was not applied."""

    def __init__(self, event_type: type[Event], reason: str, attribute: str | None = None) -> None:
        self.event_type = event_type
        self.attribute = attribute
        where = f"{event_type.__name__}.{attribute}" if attribute else event_type.__name__
        super().__init__(f"{where} cannot be stored: {reason}")


class DeserializeEventError(MessageError):
    """A stored row cannot be read as the event that it names.

    `row` is what was stored: the type name, the aggregate's id, the sequence number and the JSON text.
    """

    def __init__(self, event_type: str, aggregate_id: UUID, sequence_number: int, data: str, reason: str) -> None:
        self.event_type = event_type
        self.aggregate_id = aggregate_id
        self.sequence_number = sequence_number
        self.data = data
        super().__init__(
            f"event {sequence_number} of aggregate {aggregate_id} cannot be read as {event_type}: {reason}. "
            f"If {event_type} changed, add an @upcast method that turns the stored data into the current form"
        )


class DeserializeCommandError(MessageError):
    """A stored row cannot be read as the command that it names; `data` is the stored JSON text."""

    def __init__(self, command_type: str, data: str, reason: str) -> None:
        self.command_type = command_type
        self.data = data
        super().__init__(
            f"a stored command cannot be read as {command_type}: {reason}. "
            "Give attributes that were added later a default, or declare them as `T | None`"
        )


class UnknownEventType(MessageError):
    """A type name that no class of this application declares."""

    def __init__(self, name: str, what: str = "event") -> None:
        self.name = name
        super().__init__(
            f"no {what} class is stored as {name!r}: import its module (`packages=[...]`), "
            f"declare the old name (`aliases=({name!r},)`), "
            + (f"or retire it (`retired_events=({name!r},)`)" if what == "event" else "or correct the name")
        )
