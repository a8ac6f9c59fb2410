"""What a refused write means: somebody else was first, or a key is taken."""

from __future__ import annotations

from collections.abc import Sequence

from sequent_sa.aggregates.applied_event import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import Failure, FailureKind
from sequent_sa.event_store.write import Explain
from sequent_sa.exceptions import (
    AggregateKeyNotUnique,
    ConcurrencyError,
    ConfigurationError,
    DatabaseNotReady,
    EventStoreError,
    LockTimeout,
    OptimisticLockingError,
    ProjectorsChanged,
    SequenceNumberGap,
    SequentError,
    StatementCanceled,
    UnitOfWorkError,
)


def appending(stream: EventStream, applied: Sequence[AppliedEvent]) -> Explain:
    """Explain why events could not be appended."""
    first = applied[0].event.sequence_number

    def explain(failure: Failure, _error: BaseException) -> SequentError | None:
        if failure.kind is FailureKind.EVENT_EXISTS:
            return OptimisticLockingError(stream.aggregate_type, stream.aggregate_id, first - 1)
        if failure.kind is FailureKind.SEQUENCE_GAP:
            return SequenceNumberGap(stream.aggregate_type, stream.aggregate_id, first)
        return None

    return explain


def moved_on(stream: EventStream, version: int) -> Explain:
    """Explain why an aggregate is not at a version."""

    def explain(failure: Failure, _error: BaseException) -> SequentError | None:
        if failure.kind in (FailureKind.EVENT_EXISTS, FailureKind.SEQUENCE_GAP):
            return OptimisticLockingError(stream.aggregate_type, stream.aggregate_id, version)
        return None

    return explain


def taking_key(stream: EventStream, scope: str) -> Explain:
    """Explain why a unique key could not be taken."""

    def explain(failure: Failure, _error: BaseException) -> SequentError | None:
        if failure.kind is FailureKind.UNIQUE_KEY_TAKEN:
            return AggregateKeyNotUnique(stream.aggregate_type, stream.aggregate_id, scope)
        return None

    return explain


def general(failure: Failure, error: BaseException) -> SequentError | None:
    """Explain what may befall any statement."""
    if failure.kind is FailureKind.LOCK_TIMEOUT:
        return LockTimeout(f"another transaction held the database for too long; execute the command again ({error})")
    if failure.kind is FailureKind.TRANSACTION_LOST:
        return ConcurrencyError(f"the database gave up this transaction; execute the command again ({error})")
    if failure.kind is FailureKind.PROJECTORS_CHANGED:
        return ProjectorsChanged()
    if failure.kind is FailureKind.CANCELED:
        return StatementCanceled(
            f"the database ended a statement ({error}), and nothing was changed: if it waited for a lock, execute the "
            "command again, or find with pg_blocking_pids who holds it; if it had much to do, raise statement_timeout"
        )
    if failure.kind is FailureKind.NO_RESOURCES:
        return EventStoreError(
            f"the database could not go on ({error}), and nothing was changed: look at the space, memory and disks "
            "that it has, and execute the command again"
        )
    if failure.kind is FailureKind.OWN_FAULT:
        return EventStoreError(
            f"the database made a mistake or is damaged ({error}), and nothing was changed: execute the command again; "
            "when that fails too, read the server's log, and look for damage with pg_amcheck or PRAGMA integrity_check"
        )
    if failure.kind is FailureKind.WRONG_ISOLATION:
        return ConfigurationError(
            f"the event store needs the isolation level READ COMMITTED, and this transaction has another ({error}): "
            "take part in one without an isolation level of its own"
        )
    if failure.kind is FailureKind.READ_ONLY:
        return UnitOfWorkError(
            f"this transaction can only read ({error}): execute commands outside of it, where one may write"
        )
    if failure.kind is FailureKind.TABLE_MISSING:
        return DatabaseNotReady(
            f"a table is missing ({error}): bring the event store up with `sequent db create-event-store`, and the "
            "view tables with `sequent migrate online` and `sequent migrate offline`"
        )
    return None


def first_of(*explanations: Explain) -> Explain:
    """The first explanation that fits."""

    def explain(failure: Failure, error: BaseException) -> SequentError | None:
        return next((found for each in explanations if (found := each(failure, error)) is not None), None)

    return explain
