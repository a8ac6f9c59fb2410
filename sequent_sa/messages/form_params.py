"""Raw user input on its way to becoming a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from uuid import UUID

from marshmallow import ValidationError

from sequent_sa.exceptions import CommandNotValid
from sequent_sa.messages.attributes import shapes_by_key
from sequent_sa.messages.checks import error_dictionary
from sequent_sa.messages.error_texts import error_text, translated
from sequent_sa.messages.form_fields import FormField, numbered_as_given, read_all
from sequent_sa.messages.form_names import DEEPEST, MOST, path_of
from sequent_sa.messages.redaction import without_secrets
from sequent_sa.messages.validation_contexts import validating_in

if TYPE_CHECKING:
    from sequent_sa.messages.command import BaseCommand

C_co = TypeVar("C_co", bound="BaseCommand", covariant=True)

Input = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Nested JSON, or the fields of a form: a mapping, one with several values for a name, or pairs."""


class Params(Generic[C_co]):
    """The input for a command of `command_type`.

    `data` is the input as it was given, by name; a name that a form repeats has a list of its values. `prefix` is
    what the names of the form's fields begin with; other names are ignored then. `is_form` says that the input came
    as the fields of a form, not as a plain mapping.
    """

    __slots__ = ("_pairs", "command_type", "data", "is_form", "prefix", "user_id")

    def __init__(
        self, command_type: type[C_co], data: Input, *, prefix: str | None = None, user_id: UUID | None = None
    ) -> None:
        self.command_type = command_type
        self.prefix = prefix
        self.user_id = user_id
        self.is_form, self._pairs = _pairs(data)
        self.data = _by_name(self._pairs)

    def parse(self, validation_contexts: Iterable[str] = ()) -> C_co:
        """Validate and convert the input. Secrets are not hashed yet: executing does that.

        Raises `CommandNotValid`.
        """
        command, errors = self._read(validation_contexts)
        if command is None:
            # Without a cause: marshmallow's error, and the frames that it came through, hold the input in clear.
            raise CommandNotValid(self.command_type, translated(errors), params=self.without_secrets())
        return command if self.user_id is None else command.evolve(user_id=self.user_id)

    def _read(self, validation_contexts: Iterable[str]) -> tuple[C_co | None, dict[str, Any]]:
        root = FormField()
        try:
            _refuse_too_much(self._pairs)
            for name, value in self._pairs:
                root.add(path_of(name), value)
            data = self._nested(root)
            with validating_in(validation_contexts):
                return cast("C_co", self.command_type.Schema().load(data)), {}
        except ValidationError as error:
            return None, numbered_as_given(error_dictionary(error), self._inside(root))

    def without_secrets(self) -> dict[str, Any]:
        """The input by name, as it was given, for showing it again."""
        return without_secrets(self.command_type, self.data, prefix=self.prefix)

    def _nested(self, root: FormField) -> dict[str, Any]:
        inside = self._inside(root)
        if inside.values:
            (value, *_) = inside.values
            if not isinstance(value, Mapping):
                raise ValidationError(error_text("invalid_input"))
            return dict(cast("Mapping[str, Any]", value))
        return read_all(inside.parts, shapes_by_key(self.command_type), form=self.is_form)

    def _inside(self, root: FormField) -> FormField:
        return root if self.prefix is None else root.parts.get(self.prefix, FormField())

    def __repr__(self) -> str:
        return f"Params({self.command_type.__name__}, {self.without_secrets()!r})"


def _pairs(data: Any) -> tuple[bool, list[tuple[str, Any]]]:
    # Forms of web frameworks have several values for a name: Starlette's tell them in order, those of Werkzeug and
    # Django by name.
    if hasattr(data, "multi_items"):
        return True, [(str(name), value) for name, value in data.multi_items()]
    if hasattr(data, "lists"):
        return True, [(str(name), value) for name, values in data.lists() for value in values]
    if isinstance(data, Mapping):
        return False, [(str(name), value) for name, value in cast("Any", data).items()]
    if isinstance(data, Iterable) and not isinstance(data, str | bytes):
        given: Iterable[Any] = cast("Any", data)
        pairs = list(given)
        if all(isinstance(pair, tuple | list) and len(cast("Any", pair)) == 2 for pair in pairs):
            return True, [(str(name), value) for name, value in pairs]
    raise TypeError(
        f"input is needed as a mapping or as pairs of name and value, not as {type(cast('object', data)).__name__}"
    )


def _by_name(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    repeated: set[str] = set()
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif name in repeated:
            found[name].append(value)
        else:
            repeated.add(name)
            found[name] = [found[name], value]
    return found


def _refuse_too_much(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > MOST:
        raise ValidationError(error_text("too_many_names", most=MOST))
    for name, value in pairs:
        if len(path_of(name)) > DEEPEST or _is_deep(value):
            raise ValidationError({path_of(name)[0]: [error_text("too_deep", deepest=DEEPEST)]})


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _inside_of(each)]
        if not level:
            return False
    return True


def _inside_of(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        inside: Iterable[Any] = cast("Any", value).values()
        return inside
    return cast("Any", value) if isinstance(value, list | tuple) else ()
