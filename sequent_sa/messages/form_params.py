"""Raw user input on its way to becoming a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from uuid import UUID

from marshmallow import ValidationError
from marshmallow.experimental.context import Context

from sequent_sa.exceptions import CommandNotValid
from sequent_sa.messages.checks import error_dictionary, without_secrets

if TYPE_CHECKING:
    from sequent_sa.messages.command import BaseCommand

C_co = TypeVar("C_co", bound="BaseCommand", covariant=True)


class Params(Generic[C_co]):
    """The input for a command of `command_type`: nested dicts and lists of text or typed values in `data`."""

    __slots__ = ("command_type", "data", "user_id")

    def __init__(self, command_type: type[C_co], data: Mapping[str, Any], *, user_id: UUID | None = None) -> None:
        self.command_type = command_type
        self.data = dict(data)
        self.user_id = user_id

    def parse(self, context: Mapping[str, Any] | None = None) -> C_co:
        """Validate and convert the input. Secrets are not hashed yet: executing does that.

        Validators find `context` with `marshmallow.experimental.context.Context.get()`. Raises `CommandNotValid`.
        """
        try:
            with Context(dict(context or {})):
                command = cast("C_co", self.command_type.Schema().load(self.data))
        except ValidationError as error:
            params = without_secrets(self.command_type, self.data)
            raise CommandNotValid(self.command_type, error_dictionary(error), params=params) from error
        return command if self.user_id is None else command.evolve(user_id=self.user_id)

    def __repr__(self) -> str:
        return f"Params({self.command_type.__name__}, {without_secrets(self.command_type, self.data)!r})"
