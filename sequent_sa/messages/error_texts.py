"""What is said about invalid input: a code, and a text for it in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol, SupportsIndex, cast

from marshmallow import ValidationError, validate

from sequent_sa._naming import snake_case
from sequent_sa._narrowing import is_list, is_mapping

ENGLISH: Mapping[str, str] = {
    "required": "Missing data for required field.",
    "null": "Field may not be null.",
    "unknown": "Unknown field.",
    "not_blank": "Cannot be blank.",
    "invalid_text": "Not a valid text.",
    "invalid_integer": "Not a valid integer.",
    "invalid_number": "Not a valid number.",
    "invalid_boolean": "Not a valid boolean: use true or false.",
    "invalid_date": "Not a valid date: use YYYY-MM-DD.",
    "invalid_moment": "Not a valid moment: use YYYY-MM-DDThh:mm:ss with an offset from UTC.",
    "invalid_uuid": "Not a valid UUID.",
    "invalid_choice": "Must be one of: {choices}.",
    "invalid_object": "Must be a {type}.",
    "invalid_list": "Not a valid list.",
    "invalid_mapping": "Not a valid mapping.",
    "invalid_key": "Not a valid key.",
    "invalid_input": "Not an object with attributes.",
    "not_storable": "Must not contain a NUL character or half of a surrogate pair.",
    "contradicting_names": "Given in several ways: as a value, and in parts.",
    "invalid_item_number": "Not the number of an item.",
    "too_deep": "Nested more than {deepest} deep.",
    "too_many_names": "More than {most} names.",
}
"""The texts of this package by code. `{...}` stands for a value; the codes of marshmallow are made from its names."""


class ErrorText(str):
    """A text about an invalid value. `code` says what is wrong, whatever the language; `values` is what it mentions."""

    code: str
    values: Mapping[str, Any]

    def __new__(cls, text: str, code: str, values: Mapping[str, Any]) -> ErrorText:
        made = super().__new__(cls, text)
        made.code = code
        made.values = values
        return made

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return (ErrorText, (str(self), self.code, self.values))


class Template(str):
    """A text of a marshmallow field that becomes an `ErrorText` when it is filled in."""

    code: str

    def __new__(cls, text: str, code: str) -> Template:
        made = super().__new__(cls, text)
        made.code = code
        return made

    def format(self, *args: object, **values: object) -> ErrorText:
        known = {name: value for name, value in values.items() if name != "input"}
        return ErrorText(super().format(*args, **values), self.code, known)


class Resolver(Protocol):
    """Turns the code of an error and a locale into a text; None when it does not know the code or the locale."""

    def __call__(self, code: str, locale: str, values: Mapping[str, Any], /) -> str | None: ...


Translate = Callable[[str, Mapping[str, Any]], str | None]

_translate: ContextVar[Translate | None] = ContextVar("sequent_sa_translate", default=None)


def error_text(code: str, **values: Any) -> ErrorText:
    """The English text for a code of this package."""
    return ErrorText(ENGLISH[code].format(**values), code, values)


def messages_of(failed: ValidationError) -> Any:
    """What an error of marshmallow says: a list of texts, or a dict of them by attribute or index."""
    return cast("Any", failed).messages


def templates(error_messages: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The texts of a marshmallow field with codes: `required`, `null`; others with the kind of the field behind."""
    return {
        key: Template(text, key if key in ENGLISH else f"{key}_{kind}") if type(text) is str else text
        for key, text in error_messages.items()
    }


def run_validator(validator: Callable[[Any], Any], value: Any) -> None:
    """Call a validator. Raises `marshmallow.ValidationError` with a code.

    The code is made from the class of marshmallow's validator and the name of its text: `length_min`, `one_of`. A
    text that was written for the occasion is its own code.
    """
    if isinstance(validator, validate.And):
        _run_all(validator.validators, value)
        return
    try:
        validator(value)
    except ValidationError as failed:
        raise ValidationError(_coded(validator, value, messages_of(failed))) from failed


def _run_all(validators: Any, value: Any) -> None:
    found: list[Any] = []
    for each in validators:
        try:
            run_validator(each, value)
        except ValidationError as failed:
            found.extend(messages_of(failed))
    if found:
        raise ValidationError(found)


def _coded(validator: Any, value: Any, messages: Any) -> Any:
    if not is_list(messages) or not isinstance(validator, validate.Validator):
        return messages
    if validator.error not in (None, getattr(validator, "default_message", None)):
        return messages  # written for the occasion
    return [_text_of(validator, value, text) if type(text) is str else text for text in messages]


def _text_of(validator: validate.Validator, value: Any, text: str) -> ErrorText:
    name = snake_case(type(validator).__name__)
    values = {key: each for key, each in vars(validator).items() if not key.startswith("_") and key != "error"}
    for key in dir(validator):
        template = getattr(validator, key) if key.startswith("message_") else None
        if isinstance(template, str) and _filled(template, value, values) == text:
            return ErrorText(text, f"{name}{key.removeprefix('message')}", values)
    return ErrorText(text, name, values)


def _filled(template: str, value: Any, values: Mapping[str, Any]) -> str | None:
    try:
        return template.format(input=value, **values)
    except (LookupError, ValueError):
        return None


def translation(
    locale: str | Callable[[], str], translations: Mapping[str, Mapping[str, str]] | Resolver | None
) -> Translate | None:
    """What finds the texts of an application: in the locale of the moment; None when there are only English ones.

    `nl-BE` falls back to `nl`, and a text that is in neither to English.
    """
    if translations is None:
        return None
    resolver = _table_lookup(translations) if isinstance(translations, Mapping) else translations

    def translate(code: str, values: Mapping[str, Any]) -> str | None:
        return resolver(code, locale if isinstance(locale, str) else locale(), values)

    return translate


def _table_lookup(translations: Mapping[str, Mapping[str, str]]) -> Resolver:
    def find(code: str, locale: str, values: Mapping[str, Any], /) -> str | None:
        for language in (locale, *locale.replace("_", "-").split("-")[:1]):
            text = translations.get(language, {}).get(code)
            if text is not None:
                return text.format(**values)
        return None

    return find


class translating:
    """Say errors that are raised inside the block in another language."""

    def __init__(self, translate: Translate | None) -> None:
        self._wanted = translate

    def __enter__(self) -> None:
        self._token = _translate.set(self._wanted)

    def __exit__(self, *_: object) -> None:
        _translate.reset(self._token)


def translated(errors: Any) -> Any:
    """The errors in the language that is asked for; texts that the language lacks stay as they are."""
    translate = _translate.get()
    return errors if translate is None else _translated(errors, translate)


def _translated(errors: Any, translate: Translate) -> Any:
    if is_mapping(errors):
        return {key: _translated(inner, translate) for key, inner in errors.items()}
    if is_list(errors):
        return [_translated(each, translate) for each in errors]
    if isinstance(errors, ErrorText):
        found = translate(errors.code, errors.values)
        return errors if found is None else ErrorText(found, errors.code, errors.values)
    if isinstance(errors, str):
        found = translate(errors, {})
        return errors if found is None else ErrorText(found, errors, {})
    return errors
