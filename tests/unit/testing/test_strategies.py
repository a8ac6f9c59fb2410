"""Random messages that are derived from their classes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields, validate

from sequent_sa import Command, ConfigurationError, Event, Secret, ValueObject, attr
from sequent_sa.messages.codec import decode_event, encode_event
from sequent_sa.testing.strategies import messages


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(ValueObject):
    name: Annotated[str, validate.Length(min=1)]
    parts: list[Part] = []  # noqa: RUF012 - the framework copies it


class Everything(Event):
    text: str
    number: Annotated[int, validate.Range(min=0, max=9)]
    fraction: float
    amount: Decimal | None
    flag: bool
    day: date
    moment: datetime
    colour: Colour
    size: Literal["s", "m"]
    part: Part
    numbers: dict[str, list[int]]


class Fetch(Command):
    password: Secret
    url: str = attr(field=fields.Url())


@given(messages(Everything))
def test_random_events_are_storable(event: Everything) -> None:
    """They pass the validators, and read back equal."""
    assert 0 <= event.number <= 9
    assert event.part.name
    assert (
        decode_event(Everything, event.aggregate_id, event.sequence_number, event.created_at, encode_event(event))
        == event
    )


@given(messages(Fetch, url=st.just("https://example.org")))
def test_an_attribute_may_have_its_own_strategy(command: Fetch) -> None:
    """What a custom field holds is known to whoever wrote it; secrets are hashes."""
    assert command.url == "https://example.org"
    assert command.password.is_hashed
    assert isinstance(command.aggregate_id, UUID)


def test_what_cannot_be_guessed_is_asked_for() -> None:
    """A custom field without a strategy, and a strategy without an attribute."""
    with pytest.raises(ConfigurationError, match=r"Fetch\.url has a field of its own"):
        messages(Fetch)
    with pytest.raises(ConfigurationError, match="Fetch has no attribute uri"):
        messages(Fetch, uri=st.just("x"))
