"""When an event, then commands: what workflows want to happen, without executing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sequent_sa import _clock
from sequent_sa.application import Sequent
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.execution.middleware import Request
from sequent_sa.execution.workflow import Workflow
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.validation import parse_command
from sequent_sa.testing.comparison import Expected, compare
from sequent_sa.testing.stage import Stage
from sequent_sa.testing.streams import Given, flat
from sequent_sa.unit_of_work.event_publisher import EventPublisher
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork


class WorkflowFixture:
    """Hands events to the application's workflows, and keeps the commands that they want executed.

    Commands are validated, as they would be before execution, and go no further. Hooks that were registered with
    `after_commit` run at the end of `when_event`.
    """

    def __init__(self, app: Sequent, stage: Stage | None = None) -> None:
        self._units = UnitsOfWork((stage or Stage.in_memory(app)).begin)
        self._workflows: list[Workflow] = [workflow() for workflow in app.parts.workflows]
        self._commands: list[BaseCommand] = []
        self._unchecked: str | None = None
        for workflow in self._workflows:
            workflow.bind(self, self._units)
        self._publisher = EventPublisher(self._units, self._handlers)

    def only(self, *workflows: type[Workflow]) -> None:
        """Leave the other workflows of the application out of this test.

        Raises `ConfigurationError` for a workflow that the application does not have.
        """
        known = {type(workflow): workflow for workflow in self._workflows}
        unknown = [workflow.__name__ for workflow in workflows if workflow not in known]
        if unknown:
            raise ConfigurationError(
                f"{', '.join(unknown)} is no workflow of this application; it has "
                f"{', '.join(each.__name__ for each in known) or 'none'}"
            )
        self._workflows = [known[workflow] for workflow in workflows]

    def freeze_time(self, moment: datetime) -> None:
        """Stop the clock at this moment, until the test ends. Raises `ValueError` for a moment without timezone."""
        _clock.stop(moment)

    def when_event(self, *events: Given) -> None:
        """Let the workflows handle events, in order, in one transaction; the hooks run when it ends.

        Raises `PublishEventError` when a workflow fails.
        """
        self._commands = []
        all_events = list(flat(events))
        try:
            with self._units.open():
                self._publisher.publish(all_events)
        except BaseException:
            self._commands = []
            raise
        self._unchecked = ", ".join(type(event).__name__ for event in all_events)

    @property
    def executed_commands(self) -> list[BaseCommand]:
        """The valid commands that the workflows wanted executed on the last `when_event`."""
        self._unchecked = None
        return list(self._commands)

    def then_commands(self, *expected: Expected | Iterable[Expected]) -> None:
        """Compare with the commands that the workflows wanted executed on the last `when_event`, in order.

        An expected class stands for any command of that class, a command for an equal one (who asked and when does
        not count), a matcher for what it matches.
        """
        __tracebackhide__ = True
        compare("command", expected, self.executed_commands)

    def then_no_commands(self) -> None:
        """No workflow wanted a command executed on the last `when_event`."""
        __tracebackhide__ = True
        self.then_commands()

    def execute_commands(self, *commands: Request) -> None:
        """What the workflows call: validates and keeps. Raises `CommandNotValid`."""
        self._commands += [parse_command(command) for command in commands]

    def finish(self) -> None:
        """Fail when nothing looked at what the last `when_event` led to."""
        if self._unchecked is not None:
            raise AssertionError(
                f"the test does not look at what workflows want executed on {self._unchecked}: "
                "add then_commands(...) or then_no_commands()"
            )

    def _handlers(self, unit: UnitOfWork) -> Sequence[Workflow]:
        return self._workflows
