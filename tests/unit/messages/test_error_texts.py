"""Errors have codes, and texts in the language of whoever reads them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Annotated, Any

import pytest
from marshmallow import ValidationError, fields, validate

from sequent_sa import BaseCommand, CommandHandler, CommandNotValid, NotBlank, Secret, Sequent, ValueObject, attr, on
from sequent_sa.messages.error_texts import ENGLISH, ErrorText


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Part(ValueObject):
    number: int


def is_even(value: int) -> None:
    if value % 2:
        raise ValidationError("Not even.")


class Fill(BaseCommand):
    name: Annotated[str, NotBlank(), validate.Length(max=3)] = "x"
    short: Annotated[str, validate.Length(min=2)] = "xx"
    range: Annotated[int, validate.Range(min=1, max=9)] = 1
    even: Annotated[int, is_even] = 2
    custom: Annotated[str, validate.Length(max=1, error="Far too long.")] = "x"
    both: Annotated[str, validate.And(validate.Length(max=1), validate.Regexp("a"))] = "a"
    word: Annotated[str, validate.OneOf(["a", "b"])] = "a"
    needed: int = 1
    day: date | None = None
    size: Size | None = None
    part: Part | None = None
    parts: list[Part] = []  # noqa: RUF012
    notes: dict[str, str] = {}  # noqa: RUF012
    url: str | None = attr(default=None, field=fields.Url())
    sure: bool = attr(default=False, field=fields.Boolean())
    mail: Annotated[str | None, validate.Email()] = None
    secret: Secret | None = None


class FillHandler(CommandHandler):
    @on(Fill)
    def fill(self, command: Fill) -> None:
        assert command.needed


def codes(errors: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The codes and values of all errors."""
    if isinstance(errors, dict):
        return [each for inner in errors.values() for each in codes(inner)]
    if isinstance(errors, list):
        return [each for inner in errors for each in codes(inner)]
    assert isinstance(errors, str)
    return [(errors.code, errors.values)] if isinstance(errors, ErrorText) else [(errors, {})]


@pytest.mark.parametrize(
    ("given", "code", "values"),
    [
        ({"nobody": 1}, "unknown", {}),
        ({"needed": None}, "null", {}),
        ({"name": ""}, "not_blank", {}),
        ({"name": "xxxx"}, "length_max", {"min": None, "max": 3, "equal": None}),
        ({"short": "x"}, "length_min", {"min": 2, "max": None, "equal": None}),
        ({"word": "c"}, "one_of", None),
        ({"even": 3}, "Not even.", {}),
        ({"custom": "xx"}, "Far too long.", {}),
        ({"both": "aa"}, "length_max", None),
        ({"both": "b"}, "regexp", None),
        ({"day": "x"}, "invalid_date", {}),
        ({"size": "x"}, "invalid_choice", {"choices": "s, l"}),
        ({"part": "x"}, "invalid_object", {"type": "Part"}),
        ({"part": {}}, "required", {}),
        ({"parts": "x"}, "invalid_list", {}),
        ({"parts": [{"number": "x"}]}, "invalid_integer", {}),
        ({"notes": "x"}, "invalid_mapping", {}),
        ({"notes": {"a\0": "x"}}, "invalid_key", {}),
        ({"notes": {"a": "\0"}}, "not_storable", {}),
        ({"url": "x"}, "url", None),
        ({"mail": "x"}, "email", None),
        ({"range": 10}, "range_all", None),
    ],
    ids=str,
)
def test_every_error_has_a_code(given: dict[str, Any], code: str, values: Mapping[str, Any] | None) -> None:
    """Also those of marshmallow's own validators and fields; a text written for the occasion is its own code."""
    with pytest.raises(CommandNotValid) as refused:
        Fill.from_params(given).parse()
    ((found, known),) = codes(refused.value.errors)
    assert found == code
    assert values is None or known == values
    assert not isinstance(found, ErrorText)


def new_app(**language: Any) -> Sequent:
    return Sequent("sqlite://", command_handlers=[FillHandler], **language)


def refused(app: Sequent, **given: Any) -> CommandNotValid:
    """The error with which an application refuses input; what is not valid never comes to its database."""
    with pytest.raises(CommandNotValid) as found:
        app.execute_commands(Fill.from_params(given))
    return found.value


DUTCH = {
    "not_blank": "Mag niet leeg zijn.",
    "length_max": "Hoogstens {max} tekens.",
    "required": "Verplicht.",
    "Not even.": "Niet even.",
}


def test_texts_are_translated() -> None:
    """Built-in and custom ones, at any depth; what the language lacks stays English."""
    app = new_app(locale="nl", translations={"nl": DUTCH})
    error = refused(app, name="xxxx", even=3, part={}, parts=[{"number": 1}, {}], day="x")
    assert error.flat_errors() == {
        "name": ["Hoogstens 3 tekens."],
        "even": ["Niet even."],
        "part[number]": ["Verplicht."],
        "parts[1][number]": ["Verplicht."],
        "day": [ENGLISH["invalid_date"]],
    }
    assert "Verplicht." in str(error)
    assert ("length_max", {"min": None, "max": 3, "equal": None}) in codes(error.errors)


def test_typed_commands_are_refused_in_the_same_language() -> None:
    """Where the command comes from makes no difference."""
    with pytest.raises(CommandNotValid) as found:
        new_app(locale="nl", translations={"nl": DUTCH}).execute_commands(Fill(name=""))
    assert found.value.errors == {"name": ["Mag niet leeg zijn."]}


def test_the_locale_may_change_with_each_request() -> None:
    """It is asked for when a command is validated; a region falls back to its language, and that to English."""
    locale = "en"
    app = new_app(locale=lambda: locale, translations={"nl": DUTCH, "nl-BE": {"not_blank": "Invullen!"}})
    assert refused(app, name="").errors == {"name": ["Cannot be blank."]}
    locale = "nl"
    assert refused(app, name="").errors == {"name": ["Mag niet leeg zijn."]}
    locale = "nl-BE"
    assert refused(app, name="").errors == {"name": ["Invullen!"]}
    assert refused(app, name="xxxx").errors == {"name": ["Hoogstens 3 tekens."]}
    locale = "fr"
    assert refused(app, name="").errors == {"name": ["Cannot be blank."]}


def test_a_function_may_find_the_texts() -> None:
    """It gets the code, the locale and what the text may mention."""

    def find(code: str, locale: str, values: Mapping[str, Any], /) -> str | None:
        return f"{locale}/{code}/{values['max']}" if code == "length_max" else None

    app = new_app(locale="xx", translations=find)
    assert refused(app, name="xxxx", short="x").errors == {
        "name": ["xx/length_max/3"],
        "short": ["Shorter than minimum length 2."],
    }


def test_the_same_application_on_another_database_speaks_the_same_language() -> None:
    """`on` keeps it."""
    app = new_app(locale="nl", translations={"nl": DUTCH}).on("sqlite://")
    assert refused(app, name="").errors == {"name": ["Mag niet leeg zijn."]}


def test_outside_of_an_application_texts_are_english() -> None:
    """A message alone knows no language."""
    assert Fill(name="").validate() == {"name": ["Cannot be blank."]}


def test_no_text_repeats_the_input() -> None:
    """What was typed may be a secret."""
    with pytest.raises(CommandNotValid) as found:
        Fill.from_params({"secret": ["hush"], "word": "hush", "mail": "hush", "name": "hush", "sure": "hush"}).parse()
    assert "sure" in found.value.errors
    assert "hush" not in str(found.value)
    assert "hush" not in str(codes(found.value.errors))


def test_a_text_can_be_pickled() -> None:
    """Errors travel between processes."""
    text = pickle.loads(pickle.dumps(ErrorText("x", "code", {"a": 1})))
    assert (text, text.code, text.values) == ("x", "code", {"a": 1})
