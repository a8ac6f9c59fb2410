"""Who caused what: commands, the events that they stored, and the commands that followed from these.

The classes are for reading, with any SQLAlchemy session on the application's engine.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_
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


def record_of(session: Session, event: Event) -> EventRecord:
    """The record of an event. Raises `RecordNotFound` when it is not stored."""
    key = {"aggregate_id": event.aggregate_id, "sequence_number": event.sequence_number}
    found = session.get(EventRecord, tuple(key.values()))
    if found is None:
        raise RecordNotFound(EventRecord, key)
    return found
