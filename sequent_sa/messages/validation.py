"""Validators of our own, and the way in for commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from marshmallow import ValidationError
from marshmallow.validate import Validator

from sequent_sa.exceptions import CommandNotValid
from sequent_sa.messages.attributes import Kind, Shape, shapes_of, values_by_key
from sequent_sa.messages.checks import (
    contains,
    error_dictionary,
    flaw,
    run_validators,
    with_hashed_secrets,
)
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.error_texts import ENGLISH, translated
from sequent_sa.messages.fields import given_by
from sequent_sa.messages.form_params import Params
from sequent_sa.messages.native_types import has_validators
from sequent_sa.messages.redaction import with_cleared_secrets, without_secrets
from sequent_sa.messages.schemas import has_rules
from sequent_sa.messages.validation_contexts import validating_in

_has_secrets: WeakKeyDictionary[type, bool] = WeakKeyDictionary()
_attributes: WeakKeyDictionary[type, Sequence[tuple[str, Shape, bool]]] = WeakKeyDictionary()


class NotBlank(Validator):
    """Refuses text without anything to see, and empty lists and dicts."""

    message = ENGLISH["not_blank"]
    refuses_none = True

    def __init__(self, *, error: str | None = None) -> None:
        self.error = error

    def __call__(self, value: Any) -> Any:
        blank = not value.strip() if isinstance(value, str) else value is None or value in ([], {})
        if blank:
            raise ValidationError(self.error or self.message)
        return value


def parse_command(command: BaseCommand | Params[BaseCommand], validation_contexts: Iterable[str] = ()) -> BaseCommand:
    """A valid command from what was given: attributes converted to their types, validators passed, secrets hashed.

    Raises `CommandNotValid`, with the errors of all attributes, and `TypeError` for a `user_id` that is no UUID.
    """
    if isinstance(command, Params):
        parsed = command.parse(validation_contexts)
    else:
        with validating_in(validation_contexts):
            parsed = _checked(command)
    command_type = type(parsed)
    if parsed.user_id is not None and not isinstance(parsed.user_id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{command_type.__name__}: user_id must be a UUID or None, not {parsed.user_id!r}")
    secret = _has_secrets.get(command_type)
    if secret is None:
        secret = _has_secrets[command_type] = contains(command_type, lambda shape: shape.kind is Kind.SECRET)
    return cast("BaseCommand", with_hashed_secrets(parsed)) if secret else parsed


def _checked(command: BaseCommand) -> BaseCommand:
    # Most commands are made by code, with values of the right types: those need no schema.
    if not has_rules(type(command)) and _passes_all(command):
        return command
    parsed, errors = _by_schema(command)
    if parsed is None:
        # Without a cause: marshmallow's error, and the frames that it came through, hold what was given in clear.
        raise CommandNotValid(
            type(command),
            translated(errors),
            command=with_cleared_secrets(command),
            params=without_secrets(type(command), values_by_key(command)),
        )
    return parsed.evolve(**{name: getattr(command, name) for name in command.__envelope__})


def _by_schema(command: BaseCommand) -> tuple[BaseCommand | None, dict[str, Any]]:
    schema = command.Schema()
    try:
        return cast("BaseCommand", schema.load(given_by(command, schema))), {}
    except ValidationError as error:
        return None, error_dictionary(error)


def _passes_all(command: BaseCommand) -> bool:
    for name, shape, guarded in _checks(type(command)):
        value = getattr(command, name)
        if value is None and shape.nullable and not guarded:
            continue
        if flaw(shape, value) is not None or (guarded and not _passes(shape, value)):
            return False
    return True


def _passes(shape: Shape, value: Any) -> bool:
    try:
        run_validators(shape, value)
    except ValidationError:
        return False
    return True


def _checks(command_type: type[BaseCommand]) -> Sequence[tuple[str, Shape, bool]]:
    known = _attributes.get(command_type)
    if known is None:
        shapes = shapes_of(command_type).items()
        known = _attributes[command_type] = [(name, shape, has_validators(shape)) for name, shape in shapes]
    return known
