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
│   ├── SnapshotNotReadable
│   └── HasUncommittedEvents
├── ConcurrencyError                    may be retried as it is
│   ├── OptimisticLockingError
│   ├── LockTimeout
│   └── ProjectorsChanged
├── EventStoreError
│   ├── SequenceNumberGap
│   └── StatementCanceled
├── ValueNotStorable                    a column cannot keep this value exactly
├── UnitOfWorkError
├── ProjectorError
│   ├── RecordNotFound
│   ├── NotManagedByThisProjector
│   ├── ErasureError
│   └── ProjectorMigrationError         this code may not project now
│       ├── DifferentProjectorVersionIsActive
│       ├── ProjectorIsActivating
│       ├── ProjectorNeverActivated
│       └── UnknownActiveProjector
├── ReplayError
│   └── ReplayWorkerError               in another process
└── PublishEventError                   a projector or workflow failed
"""

from __future__ import annotations

from sequent_sa.exceptions.aggregates import (
    AggregateError,
    AggregateIsDetached,
    AggregateKeyNotUnique,
    AggregateNotFound,
    AggregateTypeMismatch,
    HasUncommittedEvents,
    NonUniqueAggregateId,
    SnapshotNotReadable,
    StateNotSerializable,
)
from sequent_sa.exceptions.event_store import (
    ConcurrencyError,
    EventStoreError,
    LockTimeout,
    OptimisticLockingError,
    ProjectorsChanged,
    SequenceNumberGap,
    StatementCanceled,
)
from sequent_sa.exceptions.messages import (
    CommandNotValid,
    DeserializeCommandError,
    DeserializeEventError,
    EventNotSerializable,
    MessageError,
    UnknownEventType,
)
from sequent_sa.exceptions.projections import (
    DifferentProjectorVersionIsActive,
    ErasureError,
    NotManagedByThisProjector,
    ProjectorError,
    ProjectorIsActivating,
    ProjectorMigrationError,
    ProjectorNeverActivated,
    PublishEventError,
    RecordNotFound,
    ReplayError,
    ReplayWorkerError,
    UnknownActiveProjector,
)
from sequent_sa.exceptions.root import (
    ConfigurationError,
    DatabaseNotReady,
    DuplicateTypeName,
    SequentError,
    UnitOfWorkError,
    ValueNotStorable,
)

__all__ = [
    "AggregateError",
    "AggregateIsDetached",
    "AggregateKeyNotUnique",
    "AggregateNotFound",
    "AggregateTypeMismatch",
    "CommandNotValid",
    "ConcurrencyError",
    "ConfigurationError",
    "DatabaseNotReady",
    "DeserializeCommandError",
    "DeserializeEventError",
    "DifferentProjectorVersionIsActive",
    "DuplicateTypeName",
    "ErasureError",
    "EventNotSerializable",
    "EventStoreError",
    "HasUncommittedEvents",
    "LockTimeout",
    "MessageError",
    "NonUniqueAggregateId",
    "NotManagedByThisProjector",
    "OptimisticLockingError",
    "ProjectorError",
    "ProjectorIsActivating",
    "ProjectorMigrationError",
    "ProjectorNeverActivated",
    "ProjectorsChanged",
    "PublishEventError",
    "RecordNotFound",
    "ReplayError",
    "ReplayWorkerError",
    "SequenceNumberGap",
    "SequentError",
    "SnapshotNotReadable",
    "StateNotSerializable",
    "StatementCanceled",
    "UnitOfWorkError",
    "UnknownActiveProjector",
    "UnknownEventType",
    "ValueNotStorable",
]
