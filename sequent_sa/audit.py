"""Who caused what: commands, the events that they stored, and the commands that followed from these.

The classes are for reading, with any SQLAlchemy session on the application's engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Select, and_, exists, select, tuple_
from sqlalchemy.orm import DeclarativeBase, Mapped, foreign, relationship

from sequent_sa.exceptions import RecordNotFound
from sequent_sa.messages.codec import decode_command, decode_event
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.tables import command_records, event_records, stream_records

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class AuditRecord(DeclarativeBase):
    """The base of the records of what is stored. They are views in the database: nothing can be written to them."""

    metadata = event_records.metadata


class StreamRecord(AuditRecord):
    """An aggregate: `aggregate_id`, `aggregate_type`, `events_partition_key` and `created_at`."""

    __table__ = stream_records
    __mapper_args__ = {"primary_key": [stream_records.c.aggregate_id]}  # noqa: RUF012 - SQLAlchemy's way

    if TYPE_CHECKING:
        aggregate_id: Mapped[UUID]
        aggregate_type: Mapped[str]
        events_partition_key: Mapped[str]
        created_at: Mapped[datetime]


class CommandRecord(AuditRecord):
    """A stored command: `id`, `user_id`, `aggregate_id`, `command_type`, `created_at`, and
    the text of `command_json`."""

    __table__ = command_records
    __mapper_args__ = {"primary_key": [command_records.c.id]}  # noqa: RUF012 - SQLAlchemy's way

    if TYPE_CHECKING:
        id: Mapped[int]
        user_id: Mapped[UUID | None]
        aggregate_id: Mapped[UUID | None]
        command_type: Mapped[str]
        command_json: Mapped[str]
        created_at: Mapped[datetime]
        event_aggregate_id: Mapped[UUID | None]
        event_sequence_number: Mapped[int | None]
        parent: Mapped[EventRecord | None]
        children: Mapped[list[EventRecord]]

    @property
    def origin(self) -> CommandRecord:
        """The command with which it all began: this one, unless a workflow issued it."""
        record = self
        while record.parent is not None:
            record = record.parent.parent
        return record

    def command(self, type_names: TypeNames) -> BaseCommand:
        """The command that was stored.

        Raises `UnknownEventType` for a type without class, and `DeserializeCommandError`.
        """
        return decode_command(
            type_names.command_class(self.command_type),
            aggregate_id=self.aggregate_id,
            user_id=self.user_id,
            created_at=self.created_at,
            event_aggregate_id=self.event_aggregate_id,
            event_sequence_number=self.event_sequence_number,
            data=self.command_json,
        )


class EventRecord(AuditRecord):
    """A stored event: `aggregate_id`, `sequence_number`, `event_type`, `created_at`, and the text of
    `event_json`."""

    __table__ = event_records
    __mapper_args__ = {  # noqa: RUF012 - SQLAlchemy's way
        "primary_key": [event_records.c.aggregate_id, event_records.c.sequence_number]
    }

    if TYPE_CHECKING:
        aggregate_id: Mapped[UUID]
        sequence_number: Mapped[int]
        event_type: Mapped[str]
        event_json: Mapped[str]
        created_at: Mapped[datetime]
        command_record_id: Mapped[int]
        parent: Mapped[CommandRecord]
        children: Mapped[list[CommandRecord]]

    @property
    def origin(self) -> CommandRecord:
        """The command with which it all began."""
        return self.parent.origin

    @property
    def attributes(self) -> str:
        """The attributes as JSON, without what has a column."""
        columns = {"aggregate_id", "sequence_number", "created_at", "event_type"}
        return json.dumps({name: each for name, each in json.loads(self.event_json).items() if name not in columns})

    def event(self, type_names: TypeNames) -> Event | None:
        """The event that was stored, None for a retired type.

        Raises `UnknownEventType` for a type without class, and `DeserializeEventError`.
        """
        event_type = type_names.event_class(self.event_type)
        if event_type is None:
            return None
        return decode_event(event_type, self.aggregate_id, self.sequence_number, self.created_at, self.event_json)


_commands, _events = command_records.c, event_records.c

EventRecord.parent = relationship(
    CommandRecord,
    primaryjoin=foreign(_events.command_record_id) == _commands.id,
    viewonly=True,
    uselist=False,
)
EventRecord.children = relationship(
    CommandRecord,
    primaryjoin=and_(
        foreign(_commands.event_aggregate_id) == _events.aggregate_id,
        foreign(_commands.event_sequence_number) == _events.sequence_number,
    ),
    order_by=_commands.id,
    viewonly=True,
)
CommandRecord.parent = relationship(
    EventRecord,
    primaryjoin=and_(
        foreign(_commands.event_aggregate_id) == _events.aggregate_id,
        foreign(_commands.event_sequence_number) == _events.sequence_number,
    ),
    viewonly=True,
    uselist=False,
)
CommandRecord.children = relationship(
    EventRecord,
    primaryjoin=foreign(_events.command_record_id) == _commands.id,
    order_by=(_events.aggregate_id, _events.sequence_number),
    viewonly=True,
)


_RECORDS_A_PAGE = 500

_Level = Iterator[tuple[CommandRecord | EventRecord, "_Level"]]
"""Records that one other record caused, each with those that it caused."""


def consequences(session: Session, command: CommandRecord) -> Iterator[tuple[int, CommandRecord | EventRecord]]:
    """A command, its events, and the commands and events that these led to, each behind its cause, with its depth.

    However many there are, a bounded number of each depth is in memory.
    """
    levels: list[_Level] = [iter([(command, _events_of(session, command))])]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
            continue
        record, caused = found
        yield len(levels) - 1, record
        levels.append(caused)


def _events_of(session: Session, command: CommandRecord) -> _Level:
    has_caused = exists().where(*_caused_by(_events.aggregate_id, _events.sequence_number))
    mine = select(EventRecord, has_caused).where(_events.command_record_id == command.id)
    for event, has_any in _pages(session, mine, [_events.aggregate_id, _events.sequence_number]):
        yield event, _commands_of(session, event) if has_any else iter(())


def _commands_of(session: Session, event: EventRecord) -> _Level:
    mine = select(CommandRecord).where(*_caused_by(event.aggregate_id, event.sequence_number))
    for (command,) in _pages(session, mine, [_commands.id]):
        yield command, _events_of(session, command)


def _caused_by(aggregate_id: Any, sequence_number: Any) -> Sequence[ColumnElement[bool]]:
    return _commands.event_aggregate_id == aggregate_id, _commands.event_sequence_number == sequence_number


def _pages(
    session: Session, statement: Select[*tuple[Any, ...]], key: Sequence[Column[Any]]
) -> Iterator[Row[*tuple[Any, ...]]]:
    """The rows of a statement in the order of a key of its first record, some at a time."""
    page = statement.order_by(*key).limit(_RECORDS_A_PAGE)
    rows = session.execute(page).all()
    while rows:
        yield from rows
        last = tuple_(*(getattr(rows[-1][0], each.name) for each in key), types=[each.type for each in key])
        rows = session.execute(page.where(tuple_(*key) > last)).all() if len(rows) == _RECORDS_A_PAGE else ()


def record_of(session: Session, event: Event) -> EventRecord:
    """The record of an event. Raises `RecordNotFound` when it is not stored."""
    key = {"aggregate_id": event.aggregate_id, "sequence_number": event.sequence_number}
    found = session.get(EventRecord, tuple(key.values()))
    if found is None:
        raise RecordNotFound(EventRecord, key)
    return found
