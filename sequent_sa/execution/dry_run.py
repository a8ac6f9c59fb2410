"""What commands would do: which events, for which handlers, with which commands in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.execution.workflow import Workflow
from sequent_sa.matchers import any_message, is_a
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_handler import MessageHandler, on
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.event_publisher import HandlerChoice
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a projector would do to the rows of one view table.

    `operation` is insert, update, delete or sql; `where` says which rows, `values` what they would hold.
    """

    operation: str
    where: Mapping[str, object]
    values: Mapping[str, object]

    def __str__(self) -> str:
        parts = [self.operation]
        if self.where:
            parts.append(f"where {_assignments(self.where)}")
        if self.values:
            parts.append(f"{'set' if self.operation == 'update' else 'values'} {_assignments(self.values)}")
        return " ".join(parts)


@dataclass(slots=True)
class DryRunEvent:
    """An event, the handlers that get it, and the commands that its workflows would cause (in a deep run only)."""

    event: Event
    projectors: list[type[MessageHandler]]
    workflows: list[type[Workflow]]
    commands: list[DryRunCommand] = field(default_factory=list["DryRunCommand"])


@dataclass(slots=True)
class DryRunCommand:
    """A command as its handlers got it, and the events that it would store, in order."""

    command: BaseCommand
    events: list[DryRunEvent] = field(default_factory=list[DryRunEvent])


@dataclass(slots=True)
class DryRun:
    """What commands would do, as a tree. `row_changes` has what would happen to each view table (in a deep run only).

    Its text is for people to read.
    """

    commands: list[DryRunCommand] = field(default_factory=list[DryRunCommand])
    row_changes: dict[str, list[RowChange]] = field(default_factory=dict[str, list[RowChange]])

    def change_row(self, table: str, operation: str, where: Mapping[str, object], values: Mapping[str, object]) -> None:
        """Add what would happen to a table."""
        self.row_changes.setdefault(table, []).append(RowChange(operation, dict(where), dict(values)))

    def __str__(self) -> str:
        lines = [line for command in self.commands for line in _command_lines(command, "")]
        for table, changes in self.row_changes.items():
            lines += [f"table {table}", *(f"  {change}" for change in changes)]
        return "\n".join(lines)


class UnstoredRepository(AggregateRepository):
    """Loads aggregates, and takes their events without storing them."""

    def commit(self, command: BaseCommand) -> list[Event]:
        return [applied.event for _, events in self.take_changes() for applied in events]


class CommandRecorder(CommandHandler):
    """Sees every command before its handlers do, and every event."""

    def __init__(self, result: DryRun) -> None:
        self._result = result
        self._current = DryRunCommand(BaseCommand())
        self._events: dict[tuple[UUID, int], DryRunEvent] = {}

    @on(any_message())
    def executed(self, command: BaseCommand) -> None:
        """Put the command under the event that caused it, or among those that were given."""
        self._current = DryRunCommand(command)
        cause = None
        if command.event_aggregate_id is not None and command.event_sequence_number is not None:
            cause = self._events.get((command.event_aggregate_id, command.event_sequence_number))
        (self._result.commands if cause is None else cause.commands).append(self._current)

    def published(self, event: Event, handlers: Sequence[MessageHandler]) -> None:
        """Put the event under the command that is being executed, with those of the handlers that want it."""
        wanting = [type(handler) for handler in handlers if handler.handles_message(event)]
        recorded = DryRunEvent(
            event,
            projectors=[each for each in wanting if not issubclass(each, Workflow)],
            workflows=[each for each in wanting if issubclass(each, Workflow)],
        )
        self._events[event.aggregate_id, event.sequence_number] = recorded
        self._current.events.append(recorded)

    def choice(self, active: HandlerChoice, *, call_handlers: bool) -> HandlerChoice:
        """Handlers of events: one that records, and the active ones if they are to be called."""

        def choose(unit: UnitOfWork) -> Sequence[MessageHandler]:
            handlers = active(unit)
            recorder = _EventRecorder(self, handlers)
            return [recorder, *handlers] if call_handlers else [recorder]

        return choose


class _EventRecorder(MessageHandler):
    def __init__(self, recorder: CommandRecorder, handlers: Sequence[MessageHandler]) -> None:
        self._recorder = recorder
        self._among = handlers

    @on(is_a(Event))
    def published(self, event: Event) -> None:
        self._recorder.published(event, self._among)


def _command_lines(executed: DryRunCommand, indent: str) -> list[str]:
    number = len(executed.events)
    lines = [f"{indent}{executed.command!r}: {number} event{'' if number == 1 else 's'}"]
    for each in executed.events:
        lines.append(f"{indent}  {each.event!r}")
        for what, handlers in (("projectors", each.projectors), ("workflows", each.workflows)):
            if handlers:
                lines.append(f"{indent}    {what}: {', '.join(handler.__name__ for handler in handlers)}")
        lines += [line for command in each.commands for line in _command_lines(command, f"{indent}    ")]
    return lines


def _assignments(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
