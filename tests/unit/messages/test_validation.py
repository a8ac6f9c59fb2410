"""User input becomes valid commands, or errors by attribute."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from marshmallow import ValidationError, fields, validate

from sequent_sa.exceptions import CommandNotValid
from sequent_sa.messages.attributes import attr
from sequent_sa.messages.command import BaseCommand, Command
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.validation import NotBlank, parse_command
from sequent_sa.messages.value_object import ValueObject


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Line(ValueObject):
    cents: Annotated[int, validate.Range(min=0)]
    text: str = ""


class Order(BaseCommand):
    number: int | None = None
    amount: Decimal | None = None
    fraction: float | None = None
    flag: bool | None = None
    day: date | None = None
    moment: datetime | None = None
    other: UUID | None = None
    size: Size | None = None
    line: Line | None = None
    lines: list[Line] = []  # noqa: RUF012
    notes: list[Annotated[str, NotBlank()]] = []  # noqa: RUF012
    url: str | None = attr(default=None, field=fields.Url())


class Register(Command):
    email: Annotated[str, validate.Email()]
    password: Secret


def errors_of(**params: Any) -> dict[str, Any]:
    with pytest.raises(CommandNotValid) as raised:
        Order.from_params(params).parse()
    return raised.value.errors


MOMENT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
KNOWN = UUID("5e58a8c2-6595-41d5-9fea-cc5add7f91ec")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("number", "010", 10),
        ("number", "-2", -2),
        ("number", " ", None),
        ("amount", "1.10", Decimal("1.10")),
        ("amount", 3, Decimal(3)),
        ("fraction", "1e3", 1000.0),
        ("flag", "true", True),
        ("flag", "false", False),
        ("flag", False, False),
        ("flag", "", None),
        ("day", "2020-01-02", date(2020, 1, 2)),
        ("day", "", None),
        ("moment", "2020-01-02T04:04:05+01:00", MOMENT),
        ("moment", MOMENT, MOMENT),
        ("other", str(KNOWN), KNOWN),
        ("size", "2", Size.LARGE),
        ("size", Size.SMALL, Size.SMALL),
        ("line", {"cents": "5"}, Line(cents=5)),
        ("line", Line(cents=5), Line(cents=5)),
        ("lines", [{"cents": "5", "text": 7}], [Line(cents=5, text="7")]),
        ("url", "https://example.org", "https://example.org"),
    ],
)
def test_input_is_converted(name: str, given: object, expected: object) -> None:
    """Text from forms becomes what the attribute declares; blank is None."""
    assert expected == getattr(parse_command(Order.from_params({name: given})), name)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("number", "1.0"),
        ("number", 1.0),
        ("number", "1_0"),
        ("number", " 1"),
        ("number", "0x10"),
        ("number", "\u0661"),
        ("number", True),
        ("amount", "NaN"),
        ("amount", "Infinity"),
        ("amount", "1,5"),
        ("fraction", "inf"),
        ("flag", "yes"),
        ("flag", 1),
        ("flag", "0"),
        ("day", "2015-1-1"),
        ("day", "02-01-2020"),
        ("day", "2020-02-30"),
        ("day", MOMENT),
        ("moment", "2020-01-02T04:04:05"),
        ("moment", "02-01-2020 10:00"),
        ("moment", datetime(2020, 1, 1)),  # noqa: DTZ001
        ("other", "1234"),
        ("size", "3"),
        ("line", "x"),
        ("lines", "x"),
        ("lines", [None]),
        ("notes", ["a\x00"]),
        ("notes", [" "]),
        ("notes", [["x"]]),
        ("url", "x"),
        ("user_id", str(KNOWN)),
        ("nobody", "x"),
    ],
)
def test_invalid_input_is_reported_under_its_attribute(name: str, given: object) -> None:
    """Nothing is guessed, and the envelope cannot be set from outside."""
    assert [name] == list(errors_of(**{name: given}))


def test_errors_are_nested_as_the_attributes_are() -> None:
    """Lists report by index; the flat form joins the names."""
    with pytest.raises(CommandNotValid) as raised:
        Order.from_params({"lines": [{"cents": 1}, {"cents": "-1"}]}).parse()
    expected = {"lines": {1: {"cents": ["Must be greater than or equal to 0."]}}}
    assert expected == raised.value.errors
    assert ["order[lines][1][cents]"] == list(raised.value.flat_errors("order"))


def test_typed_commands_are_validated_inside() -> None:
    """A constructor does not validate, executing does."""
    with pytest.raises(CommandNotValid) as raised:
        parse_command(Order(line=Line(cents=-1)))
    assert {"line"} == set(raised.value.errors)
    assert Order(line=Line(cents=-1)) == raised.value.command


def test_a_valid_typed_command_is_taken_as_it_is() -> None:
    """Nothing is copied when there is nothing to convert."""
    command = Order(number=1, lines=[Line(cents=1)], moment=MOMENT)
    assert command is parse_command(command)


def test_wrongly_typed_commands_are_converted_and_keep_their_envelope() -> None:
    """The values of a typed command go through the same rules as input."""
    given = Order(number="12", user_id=KNOWN)  # type: ignore[arg-type] # the point of the test
    parsed = parse_command(given)
    assert (Order(number=12), KNOWN, given.created_at) == (parsed, parsed.user_id, parsed.created_at)


def test_who_asks_is_no_input() -> None:
    """So it is not converted; what is no UUID is a mistake of whoever executes the command."""
    somebody: Any = str(KNOWN)
    for given in (Order(user_id=somebody), Order.from_params({}, user_id=somebody)):
        with pytest.raises(TypeError, match=f"Order: user_id must be a UUID or None, not '{KNOWN}'"):
            parse_command(given)


def test_validate_gives_the_errors() -> None:
    """A form asks for errors without executing."""
    assert {} == Order(number=1).validate()
    assert {"number"} == set(Order(number="x").validate())  # type: ignore[arg-type] # the point of the test


def test_required_attributes_are_reported() -> None:
    """What has no default and cannot be None must be given."""
    with pytest.raises(CommandNotValid) as raised:
        Register.from_params({}).parse()
    assert {"aggregate_id", "email", "password"} == set(raised.value.errors)


def test_secrets_are_hashed_once_after_validation() -> None:
    """Handlers never see the clear text, and a second pass leaves the hash alone."""
    params = {"aggregate_id": str(uuid4()), "email": "a@b.nl", "password": "hush"}
    parsed = parse_command(Register.from_params(params))
    assert isinstance(parsed, Register)
    assert (True, True, False) == (
        parsed.password.is_hashed,
        parsed.password.verify("hush"),
        parsed.password.verify("hash"),
    )
    assert parsed.password is getattr(parse_command(parsed), "password")  # noqa: B009 # parse_command gives a BaseCommand


def test_a_hash_as_input_is_only_text() -> None:
    """Whoever has stolen a hash cannot log in or register with it."""
    stolen = Secret("hush").hashed().hashed_value
    parsed = Register.from_params({"aggregate_id": str(uuid4()), "email": "a@b.nl", "password": stolen}).parse()
    assert not parsed.password.is_hashed


def test_errors_carry_no_secrets() -> None:
    """Neither the raw input nor the command in the error shows the password again."""
    with pytest.raises(CommandNotValid) as raised:
        parse_command(Register.from_params({"email": "x", "password": "hush"}))
    assert {"email": "x"} == raised.value.params
    with pytest.raises(CommandNotValid) as typed:
        parse_command(Register(aggregate_id=uuid4(), email="x", password=Secret("hush")))
    assert isinstance(typed.value.command, Register)
    assert None is typed.value.command.evolve().to_dict()["password"]
    assert "password" not in typed.value.params


def test_params_hide_secrets_and_carry_the_user() -> None:
    """Logging the input is safe; who asked is given apart from it."""
    params = Register.from_params({"aggregate_id": str(uuid4()), "email": "a@b.nl", "password": "hush"}, user_id=KNOWN)
    assert "hush" not in repr(params)
    assert KNOWN == params.parse().user_id


def test_not_blank() -> None:
    """Blank text and empty collections are refused; the message can be chosen."""
    assert "x" == NotBlank()("x")
    blanks: list[Any] = ["", " \t", [], {}, None]
    for blank in blanks:
        with pytest.raises(ValidationError, match="Say something"):
            NotBlank(error="Say something.")(blank)


def test_the_error_says_whose_command_it_is() -> None:
    """It is a ValueError; its text names the class, the aggregate and what is wrong."""
    with pytest.raises(
        ValueError, match=rf"Register \({KNOWN}\) is not valid: email: Not a valid email address"
    ) as raised:
        parse_command(Register(aggregate_id=KNOWN, email="x", password=Secret("hush")))
    assert isinstance(raised.value, CommandNotValid)


@pytest.mark.parametrize("aggregate_id", ["x" * 1_000_000, 10**5000, ["x"]], ids=["text", "number", "list"])
def test_the_error_is_short_whatever_was_sent(aggregate_id: Any) -> None:
    """Names and ids of users come in any length; a log has no use for them."""
    with pytest.raises(CommandNotValid) as raised:
        Register.from_params({"aggregate_id": aggregate_id, "n" * 1_000_000: "x"}).parse()
    assert len(str(raised.value)) < 2300
    assert {"aggregate_id", "email", "password", "n" * 1_000_000} == set(raised.value.errors)
