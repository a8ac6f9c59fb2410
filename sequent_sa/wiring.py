"""Command services, put together from the classes of an application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sequent_sa.dialects import Dialect
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.execution.command_service import CommandService
from sequent_sa.execution.middleware import Filter, Middleware
from sequent_sa.messages.error_texts import Translate
from sequent_sa.parts import Parts
from sequent_sa.projections.active_projectors import ActiveProjectors
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.persistors.persistor import Persistor
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.event_publisher import EventPublisher, HandlerChoice, explain_writes
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork


@dataclass(frozen=True, slots=True)
class Wiring:
    """What every command service of an application has in common."""

    parts: Parts
    filters: Sequence[Filter]
    middleware: Sequence[Middleware]
    retries: int
    translate: Translate | None

    def command_service(
        self,
        units: UnitsOfWork,
        repository: AggregateRepository,
        publisher: EventPublisher,
        first: Sequence[CommandHandler] = (),
    ) -> CommandService:
        """One with the application's handlers, filters and middleware, around other parts.

        `first` are handlers that get every command before those of the application.
        """
        handlers = [*first, *(handler() for handler in self.parts.command_handlers)]
        for handler in handlers:
            handler.bind(repository)
        return CommandService(
            units, repository, publisher, handlers, self.filters, self.middleware, self.retries, self.translate
        )

    def publishing_service(
        self,
        units: UnitsOfWork,
        repository: AggregateRepository,
        dialect: Dialect,
        *,
        strict: bool,
        persistor: Callable[[Persistor], Persistor] = lambda live: live,
        choice: Callable[[HandlerChoice], HandlerChoice] = lambda active: active,
        first: Sequence[CommandHandler] = (),
    ) -> CommandService:
        """One whose events go to the active projectors and the workflows of the application, in its database.

        `strict` makes a projector that was never activated an error.
        """
        projectors = [
            projector(persistor(LivePersistor(lambda: units.current().transaction, explain_writes(projector, units))))
            for projector in self.parts.projectors
        ]
        workflows = [workflow() for workflow in self.parts.workflows]
        active = ActiveProjectors([*projectors, *workflows], dialect, strict=strict)
        service = self.command_service(units, repository, EventPublisher(units, choice(active)), first)
        for workflow in workflows:
            workflow.bind(service, units)
        return service
