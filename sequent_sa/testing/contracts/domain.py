"""What the contract stores: its own command, events and aggregates."""

from __future__ import annotations

from uuid import UUID

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.messages.command import Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames


class Do(Command, name="sequent_sa.contracts.Do"):
    """The command under which everything is stored."""


class Said(Event, name="sequent_sa.contracts.Said"):
    """An event with text."""

    text: str


class Counted(Event, name="sequent_sa.contracts.Counted"):
    """An event with numbers."""

    numbers: list[int]


class Faded(Event, name="sequent_sa.contracts.Faded"):
    """An event of a type that is retired: it is stored as others are, and nobody reads it any more."""

    text: str


class Diary(AggregateRoot, name="sequent_sa.contracts.Diary", snapshot_version=3):
    """An aggregate that has snapshots."""


class Note(AggregateRoot, name="sequent_sa.contracts.Note"):
    """An aggregate that has none."""


TYPE_NAMES = TypeNames(
    events=[Said, Counted],
    commands=[Do],
    aggregates=[Diary, Note],
    retired_events=["sequent_sa.contracts.Faded"],
)
SAID = TYPE_NAMES.name_of(Said)
DIARY = TYPE_NAMES.name_of(Diary)
NOTE = TYPE_NAMES.name_of(Note)
DIARY_VERSION = 3
OTHER_VERSION = 2

IDS = [UUID(int=number << 120 | number) for number in (1, 7, 0x9C, 0xFE)]
"""The aggregates of the contract; some of them in the halves of a signed byte that a store might mix up."""


def type_of(aggregate_id: UUID) -> str:
    """Every other aggregate has snapshots."""
    return DIARY if IDS.index(aggregate_id) % 2 == 0 else NOTE
