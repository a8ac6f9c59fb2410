"""Rules of an application's own: methods of a schema, and rules that hold in one context only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any
from uuid import uuid4

import pytest
from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates, validates_schema

from sequent_sa import (
    BaseCommand,
    Command,
    CommandNotValid,
    ConfigurationError,
    Event,
    NotBlank,
    UpdateCommand,
    ValueObject,
    when,
)
from sequent_sa.messages.validation import parse_command
from sequent_sa.messages.validation_contexts import current_contexts


class PeriodRules(Schema):
    @validates_schema
    def ends_after_it_begins(self, data: Mapping[str, Any], **_options: Any) -> None:
        if data["until"] < data["since"]:
            raise ValidationError("Ends before it begins.", "until")


class Period(ValueObject, schema=PeriodRules):
    since: date
    until: date


class BookingRules(Schema):
    @pre_load
    def trim(self, data: Mapping[str, Any], **_options: Any) -> dict[str, Any]:
        return {name: value.strip() if isinstance(value, str) else value for name, value in data.items()}

    @validates("name")
    def name_is_not_taken(self, value: str, data_key: str) -> None:
        if value == "taken":
            raise ValidationError(f"This {data_key} is taken.")

    @post_load
    def z_title(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        return {**data, "name": data["name"].title()}


class Book(BaseCommand, schema=BookingRules):
    name: Annotated[str, NotBlank()]
    period: Period | None = None
    others: list[Period] = []  # noqa: RUF012


class BookTwice(Book):
    second: str = ""


SINCE, UNTIL = date(2026, 1, 1), date(2026, 2, 1)


def errors_of(command: Any, *contexts: str) -> dict[str, Any]:
    """The errors with which a command, or its input, is refused."""
    with pytest.raises(CommandNotValid) as refused:
        parse_command(command, contexts)
    return refused.value.errors


@pytest.mark.parametrize("booking", [Book, BookTwice])
def test_hooks_see_the_input_of_a_command(booking: type[Book]) -> None:
    """They change it before, look at single attributes, and change what was read; also in subclasses."""
    assert parse_command(booking.from_params({"name": " ben "})) == booking(name="Ben")
    assert errors_of(booking.from_params({"name": " taken "})) == {"name": ["This name is taken."]}
    assert errors_of(booking.from_params({"name": "  "})) == {"name": ["Cannot be blank."]}


def test_hooks_see_typed_commands_as_well() -> None:
    """A command that code made is held to the same rules, and is what the hooks make of it."""
    assert parse_command(Book(name=" ben ")) == Book(name="Ben")
    assert errors_of(Book(name="taken")) == {"name": ["This name is taken."]}
    assert Book(name="taken").validate() == {"name": ["This name is taken."]}


def test_hooks_of_value_objects_run_wherever_these_are() -> None:
    """In an attribute and in a list, typed or not; the errors stand at their place."""
    wrong = {"since": "2026-02-01", "until": "2026-01-01"}
    expected = {"period": {"until": ["Ends before it begins."]}, "others": {1: {"until": ["Ends before it begins."]}}}
    right = {"since": "2026-01-01", "until": "2026-01-01"}
    assert errors_of(Book.from_params({"name": "x", "period": wrong, "others": [right, wrong]})) == expected
    typed = Period(since=UNTIL, until=SINCE)
    good = Period(since=SINCE, until=UNTIL)
    assert errors_of(Book(name="x", period=typed, others=[good, typed])) == expected


def test_a_command_whose_parts_have_rules_is_not_taken_unseen() -> None:
    """Also when the command itself has none."""

    class Plan(BaseCommand):
        period: Period

    assert errors_of(Plan(period=Period(since=UNTIL, until=SINCE))) == {"period": {"until": ["Ends before it begins."]}}


def test_stored_json_is_not_held_to_rules() -> None:
    """History stays readable when a rule is tightened."""
    stored = Book.StoredSchema().load({"name": "taken", "period": {"since": "2026-02-01", "until": "2026-01-01"}})
    assert stored.period == Period(since=UNTIL, until=SINCE)


class NoSchema:
    pass


class WithField(Schema):
    name = fields.Str()


class Misspelt(Schema):
    @validates("naem")
    def check(self, value: str, data_key: str) -> None:
        raise ValidationError(data_key)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (NoSchema, r"Wrong\(schema=NoSchema\): give a class that derives from marshmallow.Schema"),
        ("x", r"Wrong\(schema=x\): give a class"),
        (WithField, r"Wrong\(schema=WithField\) declares name: declare attributes on Wrong"),
        (Misspelt, r"Wrong\(schema=Misspelt\): check validates naem, which Wrong lacks"),
    ],
)
def test_mistaken_rules_are_reported_with_their_class(rules: Any, message: str) -> None:
    """When the message class is defined."""
    with pytest.raises(ConfigurationError, match=message):

        class Wrong(BaseCommand, schema=rules):
            name: str


def test_events_have_no_rules() -> None:
    """They are not what users send."""
    with pytest.raises(ConfigurationError, match=r"Wrong\(schema=PeriodRules\): only what users send is validated"):

        class Wrong(Event, schema=PeriodRules):
            name: str


class Text(ValueObject):
    body: Annotated[str | None, when("publish", NotBlank())] = None


def shout_is_loud(value: str) -> None:
    """Only in a context that its author asked about."""
    if "shout" in current_contexts() and not value.isupper():
        raise ValidationError("Louder.")


class Write(BaseCommand):
    title: Annotated[str | None, when("publish", NotBlank(), validate.Length(max=5))] = None
    shout: Annotated[str, shout_is_loud] = "X"
    text: Text | None = None
    texts: list[Text] = []  # noqa: RUF012


def test_a_rule_may_hold_in_one_context_only() -> None:
    """For input and typed commands; unknown contexts add nothing; several may be named."""
    for command in (Write(), Write.from_params({}), Write(title="too long"), Write(title=" ")):
        assert isinstance(parse_command(command), Write)
        assert isinstance(parse_command(command, ["unknown"]), Write)
    assert errors_of(Write.from_params({}), "publish") == {"title": ["Cannot be blank."]}
    assert errors_of(Write(), "publish", "shout") == {"title": ["Cannot be blank."]}
    assert errors_of(Write(title="too long"), "publish") == {"title": ["Longer than maximum length 5."]}
    assert errors_of(Write(title="x", shout="x"), "publish", "shout") == {"shout": ["Louder."]}
    assert Write().validate() == {}
    assert Write().validate(["publish"]) == {"title": ["Cannot be blank."]}


def test_the_context_reaches_what_is_inside() -> None:
    """Value objects, and those in lists."""
    expected = {"text": {"body": ["Cannot be blank."]}, "texts": {1: {"body": ["Cannot be blank."]}}}
    typed = Write(title="x", text=Text(), texts=[Text(body="x"), Text(body=" ")])
    assert parse_command(typed) is typed
    assert errors_of(typed, "publish") == expected
    assert errors_of(Write.from_params({"title": "x", "text": {}, "texts": [{"body": "x"}, {}]}), "publish") == expected


def test_mistakes_with_contexts_are_reported() -> None:
    """A rule without validator, and a text where names are expected."""
    with pytest.raises(ConfigurationError, match="has no validator"):
        when("publish")
    with pytest.raises(ConfigurationError, match=r"write \['publish'\]"):
        Write().validate("publish")
    assert repr(when("publish", validate.Length(max=5))).startswith("when('publish', <Length(")


class Rename(UpdateCommand):
    title: str


@pytest.mark.parametrize("number", [None, "", 0, -1, "x"])
def test_an_update_names_the_version_that_was_seen(number: object) -> None:
    """A positive number."""
    given_: dict[str, Any] = {"aggregate_id": str(uuid4()), "title": "x", "sequence_number": number}
    assert list(errors_of(Rename.from_params(given_))) == ["sequence_number"]
    seen = Rename(aggregate_id=uuid4(), sequence_number=1, title="x")
    assert parse_command(seen) is seen


class Stamped(BaseCommand):
    moment: datetime
    words: list[str] = []  # noqa: RUF012

    def __post_init__(self) -> None:
        self.words.append(f"made at {self.moment.hour}")


class StampedTwice(Stamped):
    other: datetime


def test_a_message_may_look_at_itself_when_it_is_made() -> None:
    """`__post_init__` runs once the moments are in UTC, also in subclasses, once."""
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Stamped(moment=moment).words == ["made at 10"]
    twice = StampedTwice(moment=moment, other=moment)
    assert twice.words == ["made at 10"]
    assert twice.other.tzinfo is UTC


def test_a_command_without_its_target_fails_at_once() -> None:
    """What it is about cannot be left out."""

    class Cancel(Command):
        pass

    with pytest.raises(TypeError, match="Cancel: Missing required argument 'aggregate_id'"):
        Cancel()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] # on purpose


class NameRules(Schema):
    @validates("name")
    def name_is_not_x(self, value: str, data_key: str) -> None:
        if value == "x":
            raise ValidationError("Not x.")


class LongNameRules(NameRules):
    @validates("name")
    def name_is_long(self, value: str, data_key: str) -> None:
        if len(value) < 3:
            raise ValidationError("Short.")


class Call(BaseCommand, schema=NameRules):
    name: str


class CallLonger(Call, schema=LongNameRules):
    pass


class CallAgain(Call, schema=NameRules):
    pass


class CallAsBefore(CallLonger, schema=NameRules):
    pass


@pytest.mark.parametrize(
    ("call", "refused"),
    [(Call, {"x"}), (CallLonger, {"x", "ab"}), (CallAgain, {"x"}), (CallAsBefore, {"x", "ab"})],
)
def test_rules_are_inherited_once(call: type[Call], refused: set[str]) -> None:
    """Whether a subclass names the same rules again, stricter ones, or those that they come from; typed or not."""
    for name in ("x", "ab", "long"):
        for given in (call(name=name), call.from_params({"name": name})):
            if name in refused:
                assert list(errors_of(given)) == ["name"]
            else:
                assert parse_command(given) == call(name=name)
