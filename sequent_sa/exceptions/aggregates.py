"""What is wrong with an aggregate."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sequent_sa.exceptions.root import SequentError


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


class SnapshotNotReadable(AggregateError):
    """A snapshot holds a state that the class does not have any more. The events are all there."""

    def __init__(self, aggregate_type: type, aggregate_id: UUID, reason: str) -> None:
        self.aggregate_id = aggregate_id
        super().__init__(
            f"the snapshot of {aggregate_type.__name__} {aggregate_id} cannot be read ({reason}): raise the class's "
            "snapshot_version whenever its state changes; until a new one is taken its events are read"
        )


class HasUncommittedEvents(AggregateError):
    """A unit of work ended while aggregates in it had events that nobody committed."""

    def __init__(self, aggregate_ids: Iterable[UUID]) -> None:
        self.aggregate_ids = tuple(aggregate_ids)
        ids = ", ".join(str(aggregate_id) for aggregate_id in self.aggregate_ids)
        super().__init__(f"events of aggregate {ids} were applied but never committed: execute a command instead")
