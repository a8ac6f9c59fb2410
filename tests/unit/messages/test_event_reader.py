"""Reading very many stored events of one class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from sequent_sa import Event
from sequent_sa.exceptions import DeserializeEventError, UnknownEventType
from sequent_sa.messages.event_reader import EventReaders, event_reader
from sequent_sa.messages.type_names import TypeNames

ID = UUID("01900000-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))


class Met(Event):
    whom: str
    at: datetime | None = None


class Weighed(Event):
    grams: float


class Counted(Event):
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("too few")


def test_every_event_is_another_one() -> None:
    """What is read later leaves alone what was read before."""
    read = event_reader(Met)
    first, second = (
        read(ID, 1, NOW, '{"whom": "ben"}'),
        read(ID, 2, NOW, b'{"whom": "kim", "at": "2026-01-02T03:04:05Z"}'),
    )
    assert Met(ID, 1, NOW, whom="ben") == first
    assert Met(ID, 2, NOW, whom="kim", at=NOW) == second


def test_moments_are_in_utc() -> None:
    """Also where they come in another time zone, in a column or in the payload."""
    event = event_reader(Met)(ID, 1, NOW.astimezone(EAST), '{"whom": "ben", "at": "2026-01-02T05:04:05+02:00"}')
    assert (NOW, UTC, NOW, UTC) == (event.created_at, event.created_at.tzinfo, event.at, event.at and event.at.tzinfo)


def test_what_a_class_does_when_an_event_is_made_is_done() -> None:
    """What it raises is an error about the stored event."""
    read = event_reader(Counted)
    assert Counted(ID, 1, NOW, number=1) == read(ID, 1, NOW, '{"number": 1}')
    with pytest.raises(DeserializeEventError, match="too few"):
        read(ID, 1, NOW, '{"number": -1}')


@pytest.mark.parametrize(
    ("event_type", "stored"),
    [(Met, "{}"), (Met, '{"whom": []}'), (Met, "[]"), (Met, "{"), (Weighed, '{"grams": 1e999}')],
    ids=["missing", "wrong type", "list", "no JSON", "infinite"],
)
def test_what_cannot_be_read_is_an_error(event_type: type[Event], stored: str) -> None:
    """It names the class, and the place in the stream."""
    with pytest.raises(DeserializeEventError, match=event_type.__name__):
        event_reader(event_type)(ID, 1, NOW, stored)


def test_names_find_their_reader() -> None:
    """A retired one reads nothing, an unknown one is an error."""
    readers = EventReaders(TypeNames(events=[Counted], retired_events=["Guessed"]))
    assert Counted(ID, 1, NOW, number=1) == readers["Counted"](ID, 1, NOW, '{"number": 1}')
    assert readers["Guessed"](ID, 1, NOW, '{"number": 1}') is None
    with pytest.raises(UnknownEventType, match="Lost"):
        readers["Lost"](ID, 1, NOW, "{}")
