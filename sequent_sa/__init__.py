"""CQRS and event sourcing on SQLAlchemy: an application that remembers everything that happened.

Every public name is imported from its module when it is first used, so that a program waits only for what it needs.
"""

import importlib as _importlib
import logging as _logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_MODULES = {
    "sequent_sa.aggregates.aggregate_root": ("AggregateRoot",),
    "sequent_sa.aggregates.snapshot": ("Snapshot",),
    "sequent_sa.aggregates.unique_keys": ("unique_key",),
    "sequent_sa.application": ("Sequent",),
    "sequent_sa.event_store.record_hooks": ("RecordHooks",),
    "sequent_sa.exceptions": (
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
        "PublishEventError",
        "RecordNotFound",
        "ReplayError",
        "SequenceNumberGap",
        "SequentError",
        "SnapshotNotReadable",
        "StatementCanceled",
        "StateNotSerializable",
        "UnitOfWorkError",
        "UnknownActiveProjector",
        "UnknownEventType",
    ),
    "sequent_sa.execution.command_handler": ("CommandHandler",),
    "sequent_sa.execution.dry_run": ("DryRun",),
    "sequent_sa.execution.middleware": (
        "Filter",
        "Middleware",
    ),
    "sequent_sa.execution.workflow": ("Workflow",),
    "sequent_sa.messages.attributes": ("attr",),
    "sequent_sa.messages.command": (
        "BaseCommand",
        "Command",
        "UpdateCommand",
    ),
    "sequent_sa.messages.event": ("Event",),
    "sequent_sa.messages.form_params": ("Params",),
    "sequent_sa.messages.message_handler": ("on",),
    "sequent_sa.messages.secret": ("Secret",),
    "sequent_sa.messages.upcasting": ("upcast",),
    "sequent_sa.messages.validation": ("NotBlank",),
    "sequent_sa.messages.validation_contexts": ("when",),
    "sequent_sa.messages.value_object": ("ValueObject",),
    "sequent_sa.projections.projector": ("Projector",),
    "sequent_sa.projections.view_record": ("ViewRecordBase",),
    "sequent_sa.tables": (
        "ExactDecimal",
        "UtcDateTime",
    ),
    "sequent_sa.testing": (
        "ProjectorFixture",
        "SequentFixture",
        "WorkflowFixture",
    ),
}

_HOMES = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:  # a checker that saw it would believe that every name exists

    def __getattr__(name: str) -> object:
        try:
            home = _HOMES[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        value = globals()[name] = getattr(_importlib.import_module(home), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


# Quiet, unless the application says where its log goes.
_logging.getLogger(__name__).addHandler(_logging.NullHandler())
