"""Secrets are never shown, and verified by their hash."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from copy import deepcopy
from typing import Any, cast
from uuid import uuid4

import pytest

from sequent_sa import BaseCommand, Command, Event, EventNotSerializable, ValueObject
from sequent_sa.exceptions import CommandNotValid
from sequent_sa.messages.codec import decode_event, encode_event
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.validation import parse_command

HASHED = Secret("hush").hashed()


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
