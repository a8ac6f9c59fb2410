"""Events in, commands out, or side effects once everything is stored."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import ClassVar, Protocol

from sqlalchemy import Connection

from sequent_sa.execution.middleware import Request
from sequent_sa.messages.event import Event
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.unit_of_work.callers_transaction import Hook
from sequent_sa.unit_of_work.failed_hooks import log_failed_hook
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork


class ExecutesCommands(Protocol):
    """What a workflow hands its commands to: the command service of its application."""

    def execute_commands(self, *commands: Request) -> None:
        """Execute commands, now or after those that wait."""
        ...


class Workflow(MessageHandler):
    """Reacts to events, in the transaction that stores them; mark its methods with `@on`. Never runs in a replay."""

    __handles__: ClassVar[type[Message]] = Event

    _service: ExecutesCommands
    _units: UnitsOfWork

    def bind(self, service: ExecutesCommands, units: UnitsOfWork) -> None:
        """Give this workflow the command service of its application."""
        self._service = service
        self._units = units

    def execute_commands(self, *commands: Request) -> None:
        """Queue commands behind those that wait; they run in the same transaction, caused by the event at hand."""
        self._service.execute_commands(*commands)

    @contextmanager
    def connection(self) -> Generator[Connection, None, None]:
        """The connection of the transaction that stores the events: for SQL that is committed with them, or not at all.

        What was written so far is sent first. Leave the commit to whoever executes the command. Raises
        `UnitOfWorkError` where no transaction is open, in a hook for example, and in tests without a database.
        """
        with self._units.current().transaction.reading() as connection:
            yield connection

    def after_commit(self, hook: Callable[[], object], *, ignore_errors: bool = False) -> None:
        """Call `hook` once the transaction has committed, or at once when none is open (in another hook, for example).

        An error in it reaches the caller of `execute_commands` and stops the hooks behind it, but undoes nothing;
        with `ignore_errors` it is logged instead: which hook as a warning, and what it said for debugging.
        """
        guarded = _guarded(hook) if ignore_errors else hook
        unit = self._units.current_or_none()
        if unit is None:
            guarded()
        else:
            unit.after_commit.append(guarded)

    def after_rollback(self, hook: Callable[[], object]) -> None:
        """Call `hook` if the transaction is rolled back: never when none is open."""
        unit = self._units.current_or_none()
        if unit is not None:
            unit.after_rollback.append(hook)


def _guarded(hook: Hook) -> Hook:
    def run() -> None:
        try:
            hook()
        except Exception as error:
            log_failed_hook("after-commit", hook, error)

    return run
