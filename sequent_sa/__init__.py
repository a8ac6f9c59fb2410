"""CQRS and event sourcing on SQLAlchemy: an application that remembers everything that happened."""

import logging as _logging

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.aggregates.unique_keys import unique_key
from sequent_sa.application import Sequent
from sequent_sa.event_store.record_hooks import RecordHooks
from sequent_sa.exceptions import (
    AggregateError,
    AggregateIsDetached,
    AggregateKeyNotUnique,
    AggregateNotFound,
    AggregateTypeMismatch,
    CommandNotValid,
    ConcurrencyError,
    ConfigurationError,
    DatabaseNotReady,
    DeserializeCommandError,
    DeserializeEventError,
    DifferentProjectorVersionIsActive,
    DuplicateTypeName,
    ErasureError,
    EventNotSerializable,
    EventStoreError,
    HasUncommittedEvents,
    LockTimeout,
    MessageError,
    NonUniqueAggregateId,
    NotManagedByThisProjector,
    OptimisticLockingError,
    ProjectorError,
    ProjectorIsActivating,
    ProjectorMigrationError,
    ProjectorNeverActivated,
    PublishEventError,
    RecordNotFound,
    ReplayError,
    SequenceNumberGap,
    SequentError,
    SnapshotNotReadable,
    StatementCanceled,
    StateNotSerializable,
    UnitOfWorkError,
    UnknownActiveProjector,
    UnknownEventType,
)
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.execution.dry_run import DryRun
from sequent_sa.execution.middleware import Filter, Middleware
from sequent_sa.execution.workflow import Workflow
from sequent_sa.messages.attributes import attr
from sequent_sa.messages.command import BaseCommand, Command, UpdateCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.form_params import Params
from sequent_sa.messages.message_handler import on
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.upcasting import upcast
from sequent_sa.messages.validation import NotBlank
from sequent_sa.messages.validation_contexts import when
from sequent_sa.messages.value_object import ValueObject
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.view_record import ViewRecordBase
from sequent_sa.tables import ExactDecimal, UtcDateTime
from sequent_sa.testing import ProjectorFixture, SequentFixture, WorkflowFixture

__all__ = [
    "AggregateError",
    "AggregateIsDetached",
    "AggregateKeyNotUnique",
    "AggregateNotFound",
    "AggregateRoot",
    "AggregateTypeMismatch",
    "BaseCommand",
    "Command",
    "CommandHandler",
    "CommandNotValid",
    "ConcurrencyError",
    "ConfigurationError",
    "DatabaseNotReady",
    "DeserializeCommandError",
    "DeserializeEventError",
    "DifferentProjectorVersionIsActive",
    "DryRun",
    "DuplicateTypeName",
    "ErasureError",
    "Event",
    "EventNotSerializable",
    "EventStoreError",
    "ExactDecimal",
    "Filter",
    "HasUncommittedEvents",
    "LockTimeout",
    "MessageError",
    "Middleware",
    "NonUniqueAggregateId",
    "NotBlank",
    "NotManagedByThisProjector",
    "OptimisticLockingError",
    "Params",
    "Projector",
    "ProjectorError",
    "ProjectorFixture",
    "ProjectorIsActivating",
    "ProjectorMigrationError",
    "ProjectorNeverActivated",
    "PublishEventError",
    "RecordHooks",
    "RecordNotFound",
    "ReplayError",
    "Secret",
    "SequenceNumberGap",
    "Sequent",
    "SequentError",
    "SequentFixture",
    "Snapshot",
    "SnapshotNotReadable",
    "StateNotSerializable",
    "StatementCanceled",
    "UnitOfWorkError",
    "UnknownActiveProjector",
    "UnknownEventType",
    "UpdateCommand",
    "UtcDateTime",
    "ValueObject",
    "ViewRecordBase",
    "Workflow",
    "WorkflowFixture",
    "attr",
    "on",
    "unique_key",
    "upcast",
    "when",
]

# Quiet, unless the application says where its log goes.
_logging.getLogger(__name__).addHandler(_logging.NullHandler())
