"""What is stored reads back equal, and what would not is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields, validate

from sequent_sa.exceptions import (
    ConfigurationError,
    DeserializeCommandError,
    DeserializeEventError,
    EventNotSerializable,
)
from sequent_sa.messages.attributes import attr
from sequent_sa.messages.codec import decode_command, decode_event, encode_command, encode_event
from sequent_sa.messages.command import Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.upcasting import upcast
from sequent_sa.messages.value_object import ValueObject


class Color(Enum):
    RED = "red"


class Money(ValueObject):
    cents: int
    currency: Annotated[str, validate.OneOf(["EUR", "USD"])] = "EUR"


class Renamed(ValueObject):
    new: int

    @upcast
    @staticmethod
    def _old_became_new(data: dict[str, Any]) -> None:
        if "old" in data:
            data["new"] = data.pop("old")


class Everything(Event):
    text: str = ""
    number: int = 0
    fraction: float = 0.0
    amount: Decimal = Decimal(0)
    flag: bool = False
    day: date = date(2020, 1, 1)
    moment: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    color: Color = Color.RED
    choice: Literal["a", 1] = "a"
    money: Money = Money(cents=1)
    monies: list[Money] = []  # noqa: RUF012
    amounts: dict[str, Decimal] = {}  # noqa: RUF012
    other: UUID | None = None
    renamed: Renamed | None = None
    secret: Secret | None = None
    url: str | None = attr(default=None, field=fields.Url())


class InvoiceSent(Event):
    invoice_date: date
    owner: str

    @upcast
    @staticmethod
    def _send_date_became_invoice_date(data: dict[str, Any]) -> None:
        if "send_date" in data:
            data["invoice_date"] = data.pop("send_date")

    @upcast
    @staticmethod
    def _owner_is_the_aggregate(data: dict[str, Any]) -> None:
        data.setdefault("owner", data["aggregate_id"])


class Move(Command):
    place: str
    price: Decimal | None = None


AGGREGATE = uuid4()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def everything(**attributes: Any) -> Everything:
    return Everything(aggregate_id=AGGREGATE, sequence_number=1, created_at=NOW, **attributes)


def read(data: str, event_type: type[Event] = Everything) -> Any:
    return decode_event(event_type, AGGREGATE, 1, NOW, data)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
decimals = st.decimals(allow_nan=False, allow_infinity=False)
moments = st.datetimes(timezones=st.timezones())


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "text": texts,
            "number": st.integers(),
            "fraction": st.floats(allow_nan=False, allow_infinity=False),
            "amount": decimals,
            "flag": st.booleans(),
            "day": st.dates(),
            "moment": st.datetimes(timezones=st.just(UTC)),
            "choice": st.sampled_from(["a", 1]),
            "monies": st.lists(st.builds(Money, cents=st.integers())),
            "amounts": st.dictionaries(texts, decimals),
            "other": st.uuids() | st.none(),
            "renamed": st.builds(Renamed, new=st.integers()) | st.none(),
        },
    )
)
def test_valid_events_read_back_equal_by_codec_and_by_schema(attributes: dict[str, Any]) -> None:
    """The compiled codec and the stored schema agree on every event, and nothing is lost."""
    event = everything(**attributes)
    data = encode_event(event)
    assert event == read(data)
    assert data == encode_event(read(data))
    assert event == Everything.load(event.dump())
    header = {"aggregate_id": str(AGGREGATE), "sequence_number": 1, "created_at": NOW.isoformat()}
    assert event == Everything.load({**msgspec.json.decode(data), **header})


def test_stored_form_is_that_of_sequent() -> None:
    """Decimals are text, moments are ISO in UTC with a Z, nothing of the header is inside."""
    data = msgspec.json.decode(encode_event(everything(amount=Decimal("1.50"), moment=NOW)))
    expected = ("1.50", "2026-01-01T00:00:00Z", "2020-01-01", "red", {"cents": 1, "currency": "EUR"}, None)
    assert expected == tuple(data[name] for name in ("amount", "moment", "day", "color", "money", "other"))
    assert set() == {"aggregate_id", "sequence_number", "created_at"} & data.keys()


def test_hashed_secrets_are_stored_as_text_and_read_back() -> None:
    """A secret in an event is its hash."""
    secret = Secret.from_hash("$argon2id$x")
    data = encode_event(everything(secret=secret))
    assert "$argon2id$x" == msgspec.json.decode(data)["secret"]
    assert secret == read(data).secret


def test_an_integer_for_a_float_is_stored_as_float() -> None:
    """Type checkers let an int pass for a float, so the codec does too."""
    assert 1.0 == msgspec.json.decode(encode_event(everything(fraction=1)))["fraction"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "a\x00b"),
        ("text", "\ud800"),
        ("text", 1),
        ("text", None),
        ("number", 1.0),
        ("number", True),
        ("fraction", float("nan")),
        ("fraction", float("inf")),
        ("amount", Decimal("NaN")),
        ("amount", Decimal("sNaN")),
        ("amount", Decimal("Infinity")),
        ("amount", 1.5),
        ("moment", datetime(2020, 1, 1)),  # noqa: DTZ001
        ("day", datetime(2020, 1, 1, tzinfo=UTC)),
        ("money", None),
        ("money", Money(cents="1")),  # type: ignore[arg-type] # the point of the test
        ("money", Money(cents=1, currency="ABC")),
        ("monies", (Money(cents=1),)),
        ("amounts", {1: Decimal(1)}),
        ("amounts", {"\x00": Decimal(1)}),
        ("amounts", {"a": Decimal("Infinity")}),
        ("secret", Secret("clear")),
        ("color", "red"),
        ("choice", "b"),
        ("text", object()),
        ("url", "no url"),
    ],
)
def test_what_would_not_read_back_equal_is_refused(name: str, value: object) -> None:
    """The error names the event and the attribute."""
    with pytest.raises(EventNotSerializable, match=rf"Everything\.{name} cannot be stored") as raised:
        encode_event(everything(**{name: value}))
    assert (Everything, name) == (raised.value.event_type, raised.value.attribute)


def test_text_that_only_looks_like_nul_is_stored() -> None:
    r"""The six letters \u0000 are no NUL."""
    event = everything(text="\\u0000")
    assert event == read(encode_event(event))


def test_a_naive_creation_moment_is_refused() -> None:
    """The header is looked at too."""
    naive = datetime(2020, 1, 1)  # noqa: DTZ001
    with pytest.raises(EventNotSerializable, match="created_at"):
        encode_event(everything().evolve(created_at=naive))


@pytest.mark.parametrize(
    ("stored", "name", "expected"),
    [
        ('{"number": "12", "nobody": 1}', "number", 12),
        ('{"text": 12}', "text", "12"),
        ('{"amount": 1.10}', "amount", Decimal("1.10")),
        ('{"amount": 12345678901234567890.123456789, "text": 1}', "amount", Decimal("12345678901234567890.123456789")),
        ('{"fraction": "1.5"}', "fraction", 1.5),
        ('{"moment": "2020-02-03"}', "moment", datetime(2020, 2, 3, tzinfo=UTC)),
        ('{"moment": "2020-02-03T00:00:00.000+01:00"}', "moment", datetime(2020, 2, 2, 23, tzinfo=UTC)),
        ('{"flag": ""}', "flag", False),
        ('{"other": ""}', "other", None),
        ('{"renamed": {"old": 3}}', "renamed", Renamed(new=3)),
        ('{"money": {"cents": 5, "currency": "ABC"}}', "money", Money(cents=5, currency="ABC")),
        ('{"url": "no url"}', "url", "no url"),
        ("{}", "monies", []),
    ],
)
def test_history_is_read_with_patience(stored: str, name: str, expected: object) -> None:
    """Old forms are converted, unknown names ignored, defaults filled in, and no validator runs."""
    assert expected == getattr(read(stored), name)


@pytest.mark.parametrize("stored", ['{"number": "x"}', '{"number": 1.5}', "[]", "{", '{"moment": "2020-02-03T00:00"}'])
def test_what_cannot_be_read_keeps_the_row(stored: str) -> None:
    """The error carries what was stored."""
    with pytest.raises(DeserializeEventError) as raised:
        read(stored)
    assert ("Everything", AGGREGATE, 1, stored) == (
        raised.value.event_type,
        raised.value.aggregate_id,
        raised.value.sequence_number,
        raised.value.data,
    )


def test_upcasters_bring_old_data_into_shape() -> None:
    """They run in order and see the header."""
    expected = InvoiceSent(
        aggregate_id=AGGREGATE, sequence_number=1, invoice_date=date(2020, 1, 2), owner=str(AGGREGATE)
    )
    assert expected == read('{"send_date": "2020-01-02"}', InvoiceSent)


def test_commands_are_stored_without_target_and_envelope() -> None:
    """What has a column of its own is not in the JSON, and is given back when reading."""
    command = Move(aggregate_id=AGGREGATE, place="x", price=Decimal("1.0"))
    data = encode_command(command)
    assert '{"place":"x","price":"1.0"}' == data
    user = uuid4()
    found = decode_command(
        Move,
        aggregate_id=AGGREGATE,
        user_id=user,
        created_at=NOW,
        event_aggregate_id=None,
        event_sequence_number=None,
        data=data,
    )
    assert (command, user, NOW) == (found, found.user_id, found.created_at)


def test_a_command_that_cannot_be_read_is_an_error() -> None:
    """The error names the command's type."""
    with pytest.raises(DeserializeCommandError, match="Move"):
        decode_command(
            Move,
            aggregate_id=AGGREGATE,
            user_id=None,
            created_at=NOW,
            event_aggregate_id=None,
            event_sequence_number=None,
            data="{}",
        )


class Returned(Event):
    owner: str

    @upcast
    @staticmethod
    def _lost(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "owner": data["name"]}


def test_an_upcaster_that_returns_its_result_is_refused() -> None:
    """What it made would be lost: the error names it and says what an upcaster does."""
    header = {"aggregate_id": str(AGGREGATE), "sequence_number": 1, "created_at": NOW.isoformat()}
    with pytest.raises(ConfigurationError, match=r"Returned\._lost returns a value: .* in place"):
        decode_event(Returned, AGGREGATE, 1, NOW, '{"name": "Ben"}')
    with pytest.raises(ConfigurationError, match=r"Returned\._lost returns a value: .* in place"):
        Returned.load({**header, "name": "Ben"})


class Tree(ValueObject):
    children: list[Tree] = []  # noqa: RUF012


class Grown(Event):
    tree: Tree


def test_what_is_nested_too_deep_is_refused() -> None:
    """Not with an error of the interpreter."""
    tree = Tree()
    for _ in range(10_000):
        tree = Tree(children=[tree])
    with pytest.raises(EventNotSerializable, match="Grown cannot be stored: it is nested too deep"):
        encode_event(Grown(AGGREGATE, 1, NOW, tree=tree))


@pytest.mark.parametrize("name", ["text", "number", "amount", "fraction", "amounts"])
@pytest.mark.parametrize("value", [10**1_000_000, "9" * 1_000_000, ["x"] * 100_000], ids=["number", "text", "list"])
def test_an_error_about_a_huge_value_is_short(name: str, value: Any) -> None:
    """It names the attribute, in bounded time; nobody reads a million digits."""
    if name == "text" and isinstance(value, str):
        assert read(encode_event(everything(text=value))).text == value
        return
    with pytest.raises(EventNotSerializable, match=rf"Everything\.{name} cannot be stored") as raised:
        encode_event(everything(**{name: value}))
    assert len(str(raised.value)) < 400


class Unlucky(Event):
    number: int = 0

    @upcast
    @staticmethod
    def _fails(data: dict[str, Any]) -> None:
        if data.get("number") == 1:
            raise NotImplementedError
        assert data.get("number") != 2, "two"


@pytest.mark.parametrize(("number", "said"), [(1, "NotImplementedError()"), (2, "two")])
def test_whatever_fails_while_reading_keeps_the_row(number: int, said: str) -> None:
    """Also what an upcaster raises."""
    stored = f'{{"number": {number}}}'
    with pytest.raises(DeserializeEventError, match=re.escape(said)) as raised:
        read(stored, Unlucky)
    assert (stored, True) == (raised.value.data, raised.value.__cause__ is not None)


@pytest.mark.parametrize("data", [None, [], "x", 5])
@pytest.mark.parametrize("message_type", [Everything, InvoiceSent, Renamed, Money])
def test_only_an_object_is_a_message(message_type: Any, data: Any) -> None:
    """A schema refuses anything else; nothing becomes an empty message."""
    with pytest.raises(ValidationError, match="Not an object with attributes"):
        message_type.StoredSchema().load(data)


class Stepwise(Event):
    total: int

    @upcast
    @staticmethod
    def _first(data: dict[str, Any]) -> None:
        if "cents" in data:
            data["amount"] = data.pop("cents")

    @upcast
    @staticmethod
    def _second(data: dict[str, Any]) -> None:
        if "amount" in data:
            data["total"] = data.pop("amount") + 1


class Further(Stepwise):
    half: int = 0

    @upcast
    @staticmethod
    def _third(data: dict[str, Any]) -> None:
        data["half"] = data["total"] // 2


class Overriding(Further):
    @upcast
    @staticmethod
    def _second(data: dict[str, Any]) -> None:
        data["total"] = 100 * data.pop("amount")


@pytest.mark.parametrize(
    ("event_type", "total", "half"), [(Stepwise, 6, None), (Further, 6, 3), (Overriding, 500, 250)]
)
def test_upcasters_run_one_after_the_other(event_type: type[Event], total: int, half: int | None) -> None:
    """Each sees what the one before it made, inherited ones first; one is overridden in its place, by its name."""
    found = read('{"cents": 5}', event_type)
    assert (total, half) == (found.total, getattr(found, "half", None))
    header = {"aggregate_id": str(AGGREGATE), "sequence_number": 1, "created_at": NOW.isoformat()}
    assert found == event_type.load({**header, "cents": 5})


def test_an_upcaster_sees_the_columns() -> None:
    """Not what stored JSON says in their place."""
    stored = '{"send_date": "2020-01-02", "aggregate_id": "x", "sequence_number": 9, "created_at": "x"}'
    assert str(AGGREGATE) == read(stored, InvoiceSent).owner
