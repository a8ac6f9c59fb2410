"""The queue of commands, and the steps that each goes through."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sequent_sa._asynchronous import pause
from sequent_sa.exceptions import ConcurrencyError, OptimisticLockingError, ProjectorsChanged
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.execution.middleware import Filter, Middleware, Request, onion
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.error_texts import Translate, translating
from sequent_sa.messages.event import Event
from sequent_sa.messages.form_params import Params
from sequent_sa.messages.validation import parse_command
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.caller import Caller
from sequent_sa.unit_of_work.event_publisher import EventPublisher
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork

logger = logging.getLogger(__name__)

_REQUESTS = (BaseCommand, Params)
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0


class _Queued(NamedTuple):
    request: Request
    cause: Event | None


class CommandService:
    """Executes commands, all of one call in one transaction."""

    def __init__(
        self,
        units: UnitsOfWork,
        repository: AggregateRepository,
        publisher: EventPublisher,
        handlers: Sequence[CommandHandler],
        filters: Sequence[Filter] = (),
        middleware: Sequence[Middleware] = (),
        retries: int = 0,
        translate: Translate | None = None,
    ) -> None:
        self._units = units
        self._repository = repository
        self._publisher = publisher
        self._handlers = handlers
        self._filters = filters
        self._middleware = middleware
        self._retries = retries
        self._translate = translate

    def execute_commands(
        self,
        *commands: Request,
        retries: int | None = None,
        validation_contexts: Iterable[str] = (),
        caller: Caller | None = None,
    ) -> None:
        """Execute commands in order, in one transaction.

        While commands are being executed here, a further call only adds to the queue, with the event that is
        being handled as the cause. Any error rolls everything back. `retries` says how often a transaction that lost
        a race (`ConcurrencyError`) begins again. `validation_contexts` are for these commands and all that follow from
        them. With a `caller` all happens in his transaction, which is never tried again.
        """
        for command in commands:
            if not isinstance(command, _REQUESTS):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"a command is needed, not {command!r}: derive its class from Command or BaseCommand")
        unit = self._units.find()
        if unit is None:
            self._process_anew(commands, validation_contexts, self._retries if retries is None else retries, caller)
            return
        if caller is not None:
            unit.refuse_other(caller)
            caller.flush()
        if self in unit.memo:
            unit.memo[self].extend(_Queued(command, unit.event) for command in commands)
        else:
            self._process(unit, commands, validation_contexts)
            unit.show()

    def _process_anew(
        self, commands: Sequence[Request], validation_contexts: Iterable[str], retries: int, caller: Caller | None
    ) -> None:
        open_ = self._units.open if caller is None else partial(self._units.execute_for, caller)
        if caller is not None:
            retries = 0
        attempt = 0
        contended: frozenset[UUID] = frozenset()
        refreshed = False
        while True:
            unit: UnitOfWork | None = None
            try:
                with open_(repeatable=not refreshed) as unit:
                    unit.contended = contended
                    self._process(unit, commands, validation_contexts)
            except ConcurrencyError as error:
                # A hook may lose a race of its own after the commit; then nothing may be executed twice.
                undone = unit is None or unit.committed is False
                if undone and isinstance(error, ProjectorsChanged) and not refreshed:
                    refreshed = True  # nobody else was first: what was known about projectors was old
                    continue
                if attempt == retries or unit is None or not undone:
                    if attempt > 0:
                        last = f"try number {attempt + 1}, the last of retries={retries}"
                        error.add_note(f"this was {last}: execute it again, or allow more")
                    raise
                about = {"attempt": attempt + 1, "error": type(error).__name__}
                logger.info("trying again after a lost race (%s)", type(error).__name__, extra=about)
                logger.debug("how the race was lost", exc_info=error, extra=about)
                # Whoever pauses longer and longer loses to those who come later. So the next time the aggregate is held
                # from when it is loaded: nobody else can be faster, and those who want it stand in line.
                if isinstance(error, OptimisticLockingError) and error.aggregate_id not in contended:
                    contended |= {error.aggregate_id}
                else:
                    pause(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))
                attempt += 1
            else:
                return

    def _process(self, unit: UnitOfWork, commands: Sequence[Request], validation_contexts: Iterable[str]) -> None:
        queue = unit.memo[self] = deque(_Queued(command, None) for command in commands)
        executed = unit.executed
        try:
            while queue:
                request, cause = queue.popleft()
                onion(self._middleware, partial(self._execute, cause=cause, validation_contexts=validation_contexts))(
                    request
                )
        except BaseException as error:
            if unit.executed > executed:  # of this call, which was to happen as a whole
                unit.fail(error)
            raise
        finally:
            unit.memo.pop(self, None)

    def _execute(self, request: Request, cause: Event | None, validation_contexts: Iterable[str]) -> None:
        request = self._filtered(request)
        with translating(self._translate):
            command = self._caused(parse_command(request, validation_contexts), cause)
        debugging = logger.isEnabledFor(logging.DEBUG)
        if debugging:
            logger.debug("executing %s", type(command).__name__, extra=_about(command))
        unit = self._units.current()
        with unit.failing():
            for handler in self._handlers:
                handler.handle_message(command)
            events = self._repository.commit(command)
            if debugging:
                about = {**_about(command), "events": len(events)}
                logger.debug("%s has %d events", type(command).__name__, len(events), extra=about)
            self._publisher.publish(events)
        unit.executed += 1

    def _filtered(self, request: Request) -> Request:
        for look in self._filters:
            request = look(request) or request
        return request

    @staticmethod
    def _caused(command: BaseCommand, cause: Event | None) -> BaseCommand:
        if cause is None:
            return command
        return command.evolve(event_aggregate_id=cause.aggregate_id, event_sequence_number=cause.sequence_number)


def _about(command: BaseCommand) -> dict[str, object]:
    return {"command": type(command).__name__, "aggregate_id": getattr(command, "aggregate_id", None)}
