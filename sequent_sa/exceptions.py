"""Every error that `sequent_sa` raises, under one root.

SequentError
├── ConfigurationError                  the application is put together wrongly
│   ├── DuplicateTypeName               two classes are stored under one name
│   └── DatabaseNotReady                the schema is missing or behind
├── MessageError
│   ├── CommandNotValid                 what the user sent breaks a rule
│   ├── EventNotSerializable            the event could not be read back equal
│   ├── DeserializeEventError           a stored row cannot become an event
│   ├── DeserializeCommandError         a stored row cannot become a command
│   └── UnknownEventType                a stored row names a class nobody declared
├── AggregateError
│   ├── AggregateNotFound
│   ├── AggregateTypeMismatch
│   ├── AggregateKeyNotUnique
│   ├── NonUniqueAggregateId
│   ├── AggregateIsDetached
│   ├── StateNotSerializable        the state of an aggregate has no exact form in a snapshot
│   └── HasUncommittedEvents
├── ConcurrencyError                    may be retried as it is
│   ├── OptimisticLockingError
│   ├── LockTimeout
│   └── ProjectorsChanged
├── EventStoreError
│   └── SequenceNumberGap
├── ValueNotStorable                    a column cannot keep this value exactly
├── UnitOfWorkError
├── PublishEventError                   a projector or workflow failed
├── ProjectorError
│   ├── RecordNotFound
│   ├── NotManagedByThisProjector
│   └── ProjectorMigrationError         this code may not project now
│       ├── DifferentProjectorVersionIsActive
│       ├── ProjectorIsActivating
│       ├── ProjectorNeverActivated
│       └── UnknownActiveProjector
└── ReplayError
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sequent_sa._naming import snake_case

if TYPE_CHECKING:
    from sequent_sa.messages.command import BaseCommand
    from sequent_sa.messages.event import Event


class SequentError(Exception):
    """The root of every error raised by `sequent_sa`."""


class ConfigurationError(SequentError):
    """The application, or the database it was given, is put together in a way that cannot work."""


class DuplicateTypeName(ConfigurationError):
    """Two classes of one application would be stored under the same name."""

    def __init__(self, name: str, first: type, second: type) -> None:
        self.name = name
        self.classes = (first, second)
        known_before = [cls for cls in self.classes if name in getattr(cls, "__type_aliases__", ())]
        advice = (
            f"give one of them another name, "
            f"as in `class {second.__name__}(..., name={second.__module__ + '.' + second.__name__!r})`"
        )
        if known_before:
            advice = f"it is an alias of {known_before[0].__qualname__}, take it away from there"
        super().__init__(
            f"{first.__module__}.{first.__qualname__} and {second.__module__}.{second.__qualname__} "
            f"are both stored as {name!r}: {advice}"
        )


class DatabaseNotReady(ConfigurationError):
    """A table that is needed does not exist, or is of an older version than this code."""


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
        whose = f" ({aggregate_id})" if aggregate_id else ""
        details = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in self.flat_errors().items())
        super().__init__(f"{command_type.__name__}{whose} is not valid: {details}")

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


class AggregateError(SequentError):
    """Something is wrong with one aggregate."""


class AggregateNotFound(AggregateError, LookupError):
    """No events are stored for an id that was asked for."""

    def __init__(self, aggregate_ids: Iterable[UUID]) -> None:
        self.aggregate_ids = tuple(aggregate_ids)
        ids = ", ".join(str(aggregate_id) for aggregate_id in self.aggregate_ids)
        super().__init__(f"no aggregate is stored with id {ids}")


class AggregateTypeMismatch(AggregateError, TypeError):
    """An aggregate is of another class than the caller expects."""

    def __init__(self, aggregate_id: UUID, actual: type, expected: type) -> None:
        self.aggregate_id = aggregate_id
        self.actual = actual
        self.expected = expected
        super().__init__(f"aggregate {aggregate_id} is a {actual.__name__}, not a {expected.__name__}")


class AggregateKeyNotUnique(AggregateError):
    """Another aggregate already holds a unique key."""

    def __init__(self, aggregate_type: str, aggregate_id: UUID, scope: str | None = None) -> None:
        self.aggregate_type = aggregate_type
        self.aggregate_id = aggregate_id
        self.scope = scope
        key = f"the unique key {scope!r}" if scope else "a unique key"
        super().__init__(f"{aggregate_type} {aggregate_id} cannot have {key}: another aggregate holds it")


class NonUniqueAggregateId(AggregateError):
    """Two instances with one id were added to the same unit of work."""

    def __init__(self, aggregate_id: UUID) -> None:
        self.aggregate_id = aggregate_id
        super().__init__(f"another instance with id {aggregate_id} is already part of this unit of work")


class AggregateIsDetached(AggregateError):
    """An aggregate that was loaded for reading was asked to change."""

    def __init__(self, aggregate_type: type, aggregate_id: UUID) -> None:
        self.aggregate_id = aggregate_id
        super().__init__(
            f"{aggregate_type.__name__} {aggregate_id} was loaded for reading only: "
            "change aggregates in a command handler, or inside `with app.unit_of_work():`"
        )


class StateNotSerializable(AggregateError):
    """The state of an aggregate could not be restored equal from a snapshot, so none can be taken."""

    def __init__(self, aggregate_type: type, attribute: str, reason: str) -> None:
        self.aggregate_type = aggregate_type
        self.attribute = attribute
        super().__init__(f"{aggregate_type.__name__}.{attribute} cannot be part of a snapshot: {reason}")


class HasUncommittedEvents(AggregateError):
    """A unit of work ended while aggregates in it had events that nobody committed."""

    def __init__(self, aggregate_ids: Iterable[UUID]) -> None:
        self.aggregate_ids = tuple(aggregate_ids)
        ids = ", ".join(str(aggregate_id) for aggregate_id in self.aggregate_ids)
        super().__init__(f"events of aggregate {ids} were applied but never committed: execute a command instead")


class ConcurrencyError(SequentError):
    """Another transaction came first. Nothing was changed; doing the same again may succeed."""


class OptimisticLockingError(ConcurrencyError):
    """Another transaction appended to the aggregate after it was loaded."""

    def __init__(self, aggregate_type: str, aggregate_id: UUID, expected_version: int | None = None) -> None:
        self.aggregate_type = aggregate_type
        self.aggregate_id = aggregate_id
        self.expected_version = expected_version
        at = "" if expected_version is None else f" is no longer at version {expected_version}: it"
        super().__init__(f"{aggregate_type} {aggregate_id}{at} was changed by somebody else; execute the command again")


class LockTimeout(ConcurrencyError):
    """A lock could not be had within the time limit."""


class EventStoreError(SequentError):
    """The event store refuses what it was asked to do."""


class SequenceNumberGap(EventStoreError):
    """Events do not follow directly on the ones that are stored."""

    def __init__(self, aggregate_type: str, aggregate_id: UUID, sequence_number: int) -> None:
        self.aggregate_type = aggregate_type
        self.aggregate_id = aggregate_id
        self.sequence_number = sequence_number
        super().__init__(
            f"event {sequence_number} of {aggregate_type} {aggregate_id} cannot be stored: "
            "the one before it is not there; load the aggregate again, and apply events in order"
        )


class ValueNotStorable(SequentError, ValueError):
    """A column cannot keep a value exactly as it is."""

    def __init__(self, value: object, what_to_do: str) -> None:
        self.value = value
        super().__init__(f"{value!r} cannot be stored exactly: {what_to_do}")


class UnitOfWorkError(SequentError):
    """A unit of work was used where it does not belong: by another thread or task, or when none is open."""


class PublishEventError(SequentError):
    """A projector or a workflow failed on an event; the transaction was rolled back.

    `handler` is the class of the handler, `event` the event; the failure itself is `__cause__`.
    """

    def __init__(self, handler: type, event: Event, cause: BaseException) -> None:
        self.handler = handler
        self.event = event
        super().__init__(
            f"{handler.__name__} failed on {type(event).__name__} "
            f"(event {event.sequence_number} of aggregate {event.aggregate_id}): "
            f"{type(cause).__name__}: {cause}"
        )


class ProjectorError(SequentError):
    """Something is wrong with a projector."""


class RecordNotFound(ProjectorError, LookupError):
    """No record matches the condition."""

    def __init__(self, record_type: type, where: Mapping[str, object]) -> None:
        self.record_type = record_type
        self.where = dict(where)
        super().__init__(f"no {record_type.__name__} matches {self.where!r}")


class NotManagedByThisProjector(ProjectorError):
    """A projector touched a table that it does not manage."""

    def __init__(self, projector: type, record_type: type) -> None:
        self.projector = projector
        self.record_type = record_type
        super().__init__(
            f"{projector.__name__} does not manage {record_type.__name__}: add it to "
            f"`class {projector.__name__}(Projector, manages_tables=(..., {record_type.__name__}))`, "
            "or leave the table to the projector that does"
        )


class ProjectorsChanged(ConcurrencyError):
    """Projectors were activated, deactivated or replayed while the events for them were on their way."""

    def __init__(self) -> None:
        super().__init__("the active projectors changed while this was executed: execute it again")


class ProjectorMigrationError(ProjectorError):
    """The running code does not agree with the database about which projectors are active."""


class DifferentProjectorVersionIsActive(ProjectorMigrationError):
    """Another version of a projector is active than the one in the running code."""

    def __init__(self, projector: str, version: int, active_version: int) -> None:
        self.projector = projector
        self.version = version
        self.active_version = active_version
        super().__init__(
            f"{projector} version {active_version} is active, this code has version {version}: "
            "deploy the code of the active version, or bring the projection up with `sequent migrate online` "
            "and `sequent migrate offline`"
        )


class ProjectorIsActivating(ProjectorMigrationError):
    """A projector is being switched over at this moment."""

    def __init__(self, projector: str) -> None:
        self.projector = projector
        super().__init__(f"{projector} is being activated: execute the command again in a moment")


class ProjectorNeverActivated(ProjectorMigrationError):
    """A projector is configured, and its events may exist, but nobody activated it."""

    def __init__(self, projectors: Sequence[str]) -> None:
        self.projectors = tuple(projectors)
        super().__init__(
            f"{', '.join(projectors)} was never activated: run `sequent migrate online` and `sequent migrate offline`"
        )


class UnknownActiveProjector(ProjectorMigrationError):
    """A projector is active that the running code does not have."""

    def __init__(self, projectors: Sequence[str]) -> None:
        self.projectors = tuple(projectors)
        super().__init__(
            f"{', '.join(projectors)} is active, but this code does not have it: deploy the code that has it, "
            f"or switch it off with `sequent projectors deactivate {' '.join(projectors)}`"
        )


class ReplayError(SequentError):
    """A replay cannot take the step that was asked for, or failed at it."""
