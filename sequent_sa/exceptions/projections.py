"""What is wrong with a projector, a workflow or a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sequent_sa.exceptions.root import SequentError

if TYPE_CHECKING:
    from sequent_sa.messages.event import Event


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
        super().__init__(
            f"no {record_type.__name__} matches {self.where!r}: it was never made, or deleted since; where that may "
            "be, ask for it with get_record, which gives None"
        )


class ErasureError(ProjectorError):
    """A projector failed to remove its rows about aggregates that are to be erased. Nothing was erased."""

    def __init__(self, projector: type, archived: bool, cause: BaseException) -> None:
        self.projector = projector
        what = "its rows in archive_schema, those before the last replay" if archived else "its rows"
        advice = ": if nobody needs these tables any more, drop the schema" if archived else ""
        why = " ".join(str(getattr(cause, "orig", None) or cause).split())
        super().__init__(f"{projector.__name__}.erase failed on {what}, so nothing was erased{advice} ({why})")


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


class ReplayWorkerError(ReplayError):
    """A worker process of a replay failed.

    `type`, `message` and `traceback` say why, as text: the error itself stayed in the other process.
    """

    def __init__(self, worker: int, cause: Mapping[str, str]) -> None:
        self.worker = worker
        self.type = cause["type"]
        self.message = cause["message"]
        self.traceback = cause["traceback"]
        super().__init__(f"worker {worker} failed: {self.type.rpartition('.')[2]}: {self.message}")
