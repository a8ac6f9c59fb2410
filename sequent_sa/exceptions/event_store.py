"""What the event store refuses, now or for good."""

from __future__ import annotations

from uuid import UUID

from sequent_sa.exceptions.root import SequentError


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


class ProjectorsChanged(ConcurrencyError):
    """Projectors were activated, deactivated or replayed while the events for them were on their way."""

    def __init__(self) -> None:
        super().__init__("the active projectors changed while this was executed: execute it again")


class EventStoreError(SequentError):
    """The event store refuses what it was asked to do."""


class StatementCanceled(EventStoreError):
    """The database ended a statement, because it took longer than `statement_timeout`, or because somebody said so."""


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
