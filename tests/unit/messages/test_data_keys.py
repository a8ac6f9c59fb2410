"""What an attribute is called outside of Python may differ from its name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import pytest
from marshmallow import fields, validate

from sequent_sa import BaseCommand, CommandNotValid, ConfigurationError, Event, NotBlank, Secret, ValueObject, attr
from sequent_sa.messages.codec import decode_event, encode_command, encode_event
from sequent_sa.messages.validation import parse_command

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Price(ValueObject):
    in_cents: int = attr(data_key="inCents")


class Sent(Event):
    sent_to: str = attr(data_key="sentTo")
    price: Price | None = attr(default=None, data_key="Price")
    prices: list[Price] = attr(default_factory=list, data_key="prices[]")
    site: str = attr(default="", field=fields.Str(data_key="the site"))


class Send(BaseCommand):
    sent_to: Annotated[str, NotBlank(), validate.Length(max=5)] = attr(data_key="sentTo")
    price: Price | None = attr(default=None, data_key="Price")
    pin: Secret | None = attr(default=None, data_key="PIN")


def test_stored_json_has_the_keys() -> None:
    """In events and the value objects inside of them, written and read, by the codec and by the schema."""
    event = Sent(uuid4(), 1, NOW, sent_to="Ben", price=Price(in_cents=5), prices=[Price(in_cents=6)], site="x")
    stored = encode_event(event)
    expected = {"sentTo": "Ben", "Price": {"inCents": 5}, "prices[]": [{"inCents": 6}], "the site": "x"}
    assert json.loads(stored) == expected
    assert decode_event(Sent, event.aggregate_id, 1, NOW, stored) == event
    assert Sent.load(event.dump()) == event
    assert {key: event.dump()[key] for key in expected} == expected


def test_input_has_the_keys() -> None:
    """In JSON, in forms, and in errors; and in the form that is made of a command."""
    assert Send.from_params({"sentTo": "Ben", "Price": {"inCents": "5"}}).parse() == Send(
        sent_to="Ben", price=Price(in_cents=5)
    )
    form = [("sentTo", "Ben"), ("Price[inCents]", "5")]
    command = Send.from_params(form).parse()
    assert command == Send(sent_to="Ben", price=Price(in_cents=5))
    assert list(command.to_params().items()) == form
    with pytest.raises(CommandNotValid) as refused:
        Send.from_params([("sentTo", " "), ("Price[inCents]", "x"), ("PIN", "1234")]).parse()
    assert refused.value.flat_errors() == {
        "sentTo": ["Cannot be blank."],
        "Price[inCents]": ["Not a valid integer."],
    }
    assert refused.value.params == {"sentTo": " ", "Price[inCents]": "x"}
    assert json.loads(encode_command(command)) == {"sentTo": "Ben", "Price": {"inCents": 5}, "PIN": None}


def test_typed_commands_are_validated_under_their_keys() -> None:
    """Whether they are valid, and what is wrong when they are not."""
    assert parse_command(Send(sent_to="Ben")) == Send(sent_to="Ben")
    assert Send(sent_to="").validate() == {"sentTo": ["Cannot be blank."]}
    with pytest.raises(CommandNotValid) as refused:
        parse_command(Send(sent_to="", price=Price(in_cents="x")))  # type: ignore[arg-type] # the point of the test
    assert refused.value.errors == {"sentTo": ["Cannot be blank."], "Price": {"inCents": ["Not a valid integer."]}}


@pytest.mark.parametrize("field", [None, fields.Str(data_key="a")])
def test_two_attributes_cannot_share_a_key(field: Any) -> None:
    """When the class is defined, naming both."""
    with pytest.raises(ConfigurationError, match=r"Wrong\.b and Wrong\.a are both called 'a' in JSON"):

        class Wrong(BaseCommand):
            a: str
            b: str = attr(field=field, data_key=None if field is not None else "a")
