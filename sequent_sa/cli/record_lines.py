"""How a stored command or event is printed: one line each, without secrets, also without their hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from sequent_sa.audit import CommandRecord, EventRecord, consequences
from sequent_sa.cli.reporting import Part, Report
from sequent_sa.messages.event import Event
from sequent_sa.messages.redaction import without_secrets
from sequent_sa.messages.type_names import TypeNames

_HEADER = frozenset({"aggregate_id", "sequence_number", "created_at"})


def show_tree(report: Report, session: Session, command: CommandRecord, names: TypeNames) -> None:
    """Print a command, its events, and the commands and events that these led to."""
    for depth, record in consequences(session, command):
        if isinstance(record, CommandRecord):
            _show_command(report, record, "  " * depth)
        else:
            show_event_record(report, record, names, "  " * depth)


def _show_command(report: Report, command: CommandRecord, indent: str) -> None:
    data = {
        "created_at": command.created_at.isoformat(),
        "command": command.id,
        "command_type": command.command_type,
        "user_id": command.user_id,
        "cause": _cause(command),
    }
    whom = f" by user {command.user_id}" if command.user_id else ""
    name = (command.command_type, "bold yellow")
    report.say(data, indent, _moment(command.created_at), f" command {command.id} ", name, whom)


def show_event_record(report: Report, record: EventRecord, names: TypeNames, indent: str = "") -> None:
    """Print an event as it is stored."""
    key = (record.aggregate_id, record.sequence_number)
    event_type = names.find_event(record.event_type)
    attributes = json.loads(record.attributes)
    if event_type is not None:
        attributes = without_secrets(event_type, attributes)
    _show(report, record.created_at, key, record.event_type, attributes, indent)


def show_event(report: Report, event: Event, name: str) -> None:
    """Print an event that is stored as `name`."""
    attributes = {name: value for name, value in event.dump().items() if name not in _HEADER}
    attributes = without_secrets(type(event), attributes)
    _show(report, event.created_at, (event.aggregate_id, event.sequence_number), name, attributes, "")


def _show(
    report: Report, moment: datetime, key: tuple[UUID, int], name: str, attributes: Mapping[str, Any], indent: str
) -> None:
    aggregate_id, number = key
    data = {
        "created_at": moment.isoformat(),
        "aggregate_id": aggregate_id,
        "sequence_number": number,
        "event_type": name,
        "attributes": attributes,
    }
    text = json.dumps(attributes, ensure_ascii=False)
    report.say(data, indent, _moment(moment), f" {aggregate_id}/{number} ", (name, "bold green"), f" {text}")


def _cause(command: CommandRecord) -> str | None:
    if command.event_aggregate_id is None:
        return None
    return f"{command.event_aggregate_id}/{command.event_sequence_number}"


def _moment(moment: datetime) -> Part:
    return (moment.isoformat(timespec="seconds"), "dim")
