"""Secrets are never shown, and verified by their hash."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from copy import deepcopy
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import uuid4

import pytest
from marshmallow import ValidationError, validate

from sequent_sa import BaseCommand, Command, Event, EventNotSerializable, ValueObject
from sequent_sa.exceptions import CommandNotValid
from sequent_sa.messages.codec import decode_command, decode_event, encode_command, encode_event
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.validation import parse_command

HASHED = Secret("hush").hashed()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_hash_is_argon2id_and_salted() -> None:
    """Equal secrets have different hashes, which say how they were made."""
    assert HASHED.hashed_value.startswith("$argon2id$")
    assert HASHED != Secret("hush").hashed()


def test_hashing_is_done_once() -> None:
    """A hash is not hashed again, also not when it is wrapped again."""
    assert HASHED is HASHED.hashed()
    assert HASHED == Secret(HASHED).hashed()


def test_verification() -> None:
    """Only the clear text is right: not another, a blank one, or the hash itself."""
    answers = [HASHED.verify(text) for text in ("hush", "hash", "", HASHED.hashed_value)]
    assert [True, False, False, False] == answers
    assert [True, False] == [Secret("hush").verify(text) for text in ("hush", "hash")]
    assert not Secret.from_hash("$no$hash").verify("$no$hash")


def test_a_secret_is_never_shown() -> None:
    """Neither repr, str nor format gives it away."""
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {secret:>20} {[secret]}"
    assert "hush" not in json.dumps({"password": secret}, default=str)


def test_a_secret_cannot_be_blank_or_no_text() -> None:
    """Nothing is no secret."""
    with pytest.raises(ValueError, match="blank"):
        Secret(" ")
    with pytest.raises(TypeError, match="int"):
        Secret(1)  # type: ignore[arg-type] # the point of the test


def test_a_secret_is_a_value() -> None:
    """Equal by what is wrapped, unequal to text, unchanged by copying, and immutable."""
    secret = Secret("hush")
    assert (True, False) == (secret == Secret("hush"), secret == "hush")
    assert [HASHED, HASHED] == [deepcopy(HASHED), pickle.loads(pickle.dumps(HASHED))]
    with pytest.raises(AttributeError):
        secret._value = "x"
    with pytest.raises(AttributeError):
        del secret._value


def test_clear_text_cannot_be_taken_for_a_hash() -> None:
    """What is stored is asked for by a name that fails in clear."""
    with pytest.raises(ValueError, match="not hashed yet"):
        _ = Secret("hush").hashed_value


def test_a_clear_secret_does_not_leave_the_process() -> None:
    """A pickle would hold it for everybody to read; a hash may travel, also inside of a command."""
    for value in (Secret("hush"), Register(aggregate_id=uuid4(), name="Ben", password=Secret("hush"))):
        with pytest.raises(TypeError, match=r"cannot be pickled: .* use hashed\(\)"):
            pickle.dumps(value)
    registered = parse_command(Register(aggregate_id=uuid4(), name="Ben", password=Secret("hush")))
    assert registered == pickle.loads(pickle.dumps(registered))


def test_verification_takes_text() -> None:
    """Anything else is a mistake of the program; text that cannot be encoded is just wrong."""
    assert [False, False] == [each.verify("\ud800") for each in (HASHED, Secret("hush"))]
    for wrong in (None, b"hush", Secret("hush")):
        with pytest.raises(TypeError, match="takes the clear text"):
            HASHED.verify(cast("Any", wrong))


def test_text_that_cannot_be_encoded_is_refused_without_showing_it() -> None:
    """An error of the codec would carry the whole text."""
    with pytest.raises(ValueError, match="surrogate") as raised:
        Secret("hush\ud800")
    assert "hush" not in str(raised.value)
    assert (None, None) == (raised.value.__cause__, raised.value.__context__)


def test_a_hash_of_another_kind_needs_to_be_made_again() -> None:
    """Such as one that another library stored: it never verifies, and is replaced when it can be."""
    assert (True, False) == (Secret.from_hash("$2b$12$abc").needs_rehash(), HASHED.needs_rehash())


class Credentials(ValueObject):
    password: Secret


class Register(Command):
    name: str
    password: Secret
    previous: list[Secret] = []  # noqa: RUF012
    by_site: dict[str, Secret] = {}  # noqa: RUF012
    other: Credentials | None = None
    others: list[Credentials] = []  # noqa: RUF012


def full(name: Any) -> Register:
    """A command with the same secret everywhere."""
    secret = Secret("hush")
    inner = Credentials(password=secret)
    return Register(
        aggregate_id=uuid4(),
        name=name,
        password=secret,
        previous=[secret],
        by_site={"a": secret},
        other=inner,
        others=[inner],
    )


RAW = {
    "name": [],
    "password": "hush",
    "previous": ["hush"],
    "by_site": {"a": "hush"},
    "other": {"password": "hush"},
    "others": [{"password": "hush"}],
}
MISPLACED: dict[str, Any] = {"password": ["hush"], "previous": "hush", "by_site": ["hush"], "other": "hush"}


def test_no_command_shows_its_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the command, its attributes, raw input, nor a log of them, at any depth and in the wrong place."""
    command = full("Ben")
    raw = Register.from_params(RAW)
    shown = [command, command.to_dict(), raw, Register.from_params(MISPLACED)]
    logging.getLogger(__name__).warning("%s %r %s %s", *shown)
    assert "hush" not in f"{[*shown, str(command), str(raw)]} {caplog.text}"


NESTED_TEXT = Register(aggregate_id=uuid4(), name=cast("Any", []), password=cast("Any", "hush")).evolve(
    other=Credentials(password=cast("Any", "hush")), others=[{"password": "hush"}]
)


@pytest.mark.parametrize("given", [full([]), NESTED_TEXT, Register.from_params(RAW), Register.from_params(MISPLACED)])
def test_no_error_shows_the_secrets_of_a_command(given: Any) -> None:
    """Neither its text, its traceback with its causes, the input for the form, nor the command that it carries."""
    with pytest.raises(CommandNotValid) as raised:
        parse_command(given)
    error = raised.value
    text = "".join(traceback.format_exception(error))
    assert "hush" not in f"{text} {error.errors} {error.params} {error.flat_errors()} {error.command!r}"
    assert [] == secrets_in(error.command)


def secrets_in(value: Any) -> list[Secret]:
    """Every secret that can be reached."""
    if isinstance(value, Secret):
        return [value]
    if isinstance(value, BaseCommand | ValueObject):
        return [each for name in cast("Any", value).__struct_fields__ for each in secrets_in(getattr(value, name))]
    items: list[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [each for item in items for each in secrets_in(item)]


def test_every_secret_is_hashed_at_any_depth() -> None:
    """What handlers see, and what is stored, is never in clear."""
    assert [True] * 5 == [each.is_hashed and each.verify("hush") for each in secrets_in(parse_command(full("Ben")))]


class Registered(Event):
    password: Secret
    former: Secret | None = None


@pytest.mark.parametrize("given", ["hunter2", ["hunter2"], {"hunter2": 1}, b"hunter2", Secret("hunter2")], ids=repr)
def test_what_stands_for_a_secret_is_not_shown(given: Any) -> None:
    """Text that somebody forgot to wrap is as secret as a Secret; the error names the attribute and the type."""
    with pytest.raises(EventNotSerializable, match=r"Registered\.password") as refused:
        encode_event(Registered(uuid4(), 1, password=given))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["hunter2", "$", "$x", "argon2id$v=19", " $2a$10$x"])
def test_clear_text_is_not_taken_for_a_hash(text: str) -> None:
    """It would be stored as it is; the error does not show it."""
    with pytest.raises(ValueError, match="this is no hash") as refused:
        Secret.from_hash(text)
    assert text == "$" or text not in str(refused.value)


@pytest.mark.parametrize("stored", ["hunter2", "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"])
def test_history_is_readable_whatever_it_holds(stored: str) -> None:
    """Another application may have stored it; it is taken for a hash, and verifies nothing."""
    data = {"aggregate_id": str(uuid4()), "sequence_number": 1, "created_at": "2026-01-01T00:00:00Z"}
    loaded = Registered.load({**data, "password": stored})
    assert (loaded.password.hashed_value, loaded.password.verify("hunter2")) == (stored, False)


def test_a_secret_that_may_be_missing_is_stored_as_nothing() -> None:
    """None stays None, though a Secret cannot be blank."""
    event = Registered(uuid4(), 1, password=HASHED, former=None)
    again = decode_event(Registered, event.aggregate_id, 1, event.created_at, encode_event(event))
    assert (again.former, Registered.load(event.dump()).former) == (None, None)
    assert again == event


def test_an_unknown_name_may_be_a_misspelt_secret() -> None:
    """What a command with secrets does not know is not shown again."""
    with pytest.raises(CommandNotValid) as raised:
        parse_command(Register.from_params({"name": "Ben", "pasword": "hush", "others": [{"pass": "hush"}]}))
    assert raised.value.params == {"name": "Ben", "others": [{}]}
    assert "hush" not in f"{raised.value} {raised.value.errors}"


def is_not_common(clear: str) -> None:
    if clear in ("hush", "secret"):
        raise ValidationError("Too common.")


class Sign(Command):
    password: Annotated[Secret, validate.Length(min=6), is_not_common]
    former: list[Annotated[Secret, validate.Length(min=6)]] = []  # noqa: RUF012


@pytest.mark.parametrize("form", [True, False], ids=["input", "typed"])
def test_validators_of_a_secret_look_at_its_clear_text(form: bool) -> None:
    """In an attribute and in a list; the errors do not show it."""
    given: Any = {"aggregate_id": uuid4(), "password": "hush", "former": ["hunter22", "short"]}
    if not form:
        given = {**given, "password": Secret("hush"), "former": [Secret("hunter22"), Secret("short")]}
    with pytest.raises(CommandNotValid) as raised:
        parse_command(Sign.from_params(given) if form else Sign(**given))
    assert raised.value.flat_errors() == {
        "password": ["Shorter than minimum length 6.", "Too common."],
        "former[1]": ["Shorter than minimum length 6."],
    }


def test_a_hash_was_validated_when_it_was_clear_text() -> None:
    """Neither a second pass nor an event that carries it on is held to the rule for what users type."""

    class Signed(Event):
        password: Annotated[Secret, validate.Length(max=8)]

    sign = parse_command(Sign(aggregate_id=uuid4(), password=Secret("hunter22"), former=[HASHED]))
    assert parse_command(sign) == sign
    assert encode_event(Signed(uuid4(), 1, password=HASHED))


class Kept(Command):
    pin: Secret | None = None
    pins: list[Secret | None] = []  # noqa: RUF012


def test_a_stored_command_may_have_no_secret() -> None:
    """None reads back as None, as it was stored: a blank Secret is an error elsewhere (MSG-73)."""
    columns: Any = dict.fromkeys(("user_id", "event_aggregate_id", "event_sequence_number"))
    command = Kept(aggregate_id=uuid4(), pins=[None, HASHED])
    stored = encode_command(command)
    assert stored == f'{{"pin":null,"pins":[null,"{HASHED.hashed_value}"]}}'
    for data in (stored, stored.replace("null", '""')):
        read = decode_command(Kept, aggregate_id=command.aggregate_id, created_at=NOW, data=data, **columns)
        assert (read, read.pin, read.pins[0]) == (command, None, None)


def test_a_message_shows_no_text_in_the_place_of_a_secret() -> None:
    """Untyped code may have forgotten to wrap it; what is no secret is shown as ever."""
    command: Any = NESTED_TEXT.evolve(previous=["hush"], by_site={"a": "hush", "b": None, "c": Secret("hush")})
    shown = repr(command)
    assert "hush" not in shown
    assert "password=****, previous=[****], by_site={'a': ****, 'b': None, 'c': Secret(****)}" in shown
    assert "other=Credentials(password=****), others=[****])" in shown


LOGIN = Register.from_params({"password": "hush", "pasword": "hush", "others": [{"password": "hush"}], "other": "hush"})


@pytest.mark.parametrize(
    "given", [full([]), NESTED_TEXT, Register.from_params(RAW), Register.from_params(MISPLACED), LOGIN]
)
def test_no_frame_of_a_traceback_holds_a_secret(given: Any) -> None:
    """Tools that report errors keep the variables of every frame, and the errors behind an error."""
    with pytest.raises(CommandNotValid) as raised:
        parse_command(given)
    error: BaseException | None = raised.value
    held: list[str] = []
    while error is not None:
        held.append(repr(vars(error)))
        frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
        held.extend(repr(frame.f_locals) for frame in frames if frame.f_globals["__name__"] != __name__)
        error = error.__cause__ or error.__context__
    assert len(held) > 1
    assert [] == [each for each in held if "hush" in each]
