"""Commands: what somebody wants to happen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, cast
from uuid import UUID

import marshmallow
from marshmallow.validate import Range

from sequent_sa import _clock
from sequent_sa.messages.error_texts import translated
from sequent_sa.messages.fields import given_by
from sequent_sa.messages.form_fields import form_fields
from sequent_sa.messages.form_params import Input, Params
from sequent_sa.messages.message import Message, header
from sequent_sa.messages.schemas import LazySchema
from sequent_sa.messages.validation_contexts import validating_in


class BaseCommand(Message):
    """A command about no one aggregate.

    Its envelope: `user_id` says who asked, `created_at` when; `event_aggregate_id` and `event_sequence_number` are set
    by the framework and name the event that caused the command.
    """

    __envelope__: ClassVar[frozenset[str]] = frozenset(
        {"user_id", "created_at", "event_aggregate_id", "event_sequence_number"}
    )

    Schema: ClassVar[type[marshmallow.Schema]] = cast("Any", LazySchema("input"))
    StoredSchema: ClassVar[type[marshmallow.Schema]] = cast("Any", LazySchema("stored"))

    user_id: UUID | None = header(default=None)
    created_at: datetime = header(default_factory=_clock.now, init=False)
    event_aggregate_id: UUID | None = header(default=None, init=False)
    event_sequence_number: int | None = header(default=None, init=False)

    @classmethod
    def from_params(cls, params: Input, *, prefix: str | None = None, user_id: UUID | None = None) -> Params[Self]:
        """Wrap raw user input, as a form or a JSON client sends it; executing it validates and parses.

        `params` is nested JSON, a form of Werkzeug, Django or Starlette, or pairs of name and value. Names may have
        brackets: `address[street]`, `lines[0][cents]`, `tags[]`. With a `prefix`, fields are called `post[title]`, and
        other names are ignored. The envelope cannot come from input: give `user_id` apart.
        """
        return Params(cls, params, prefix=prefix, user_id=user_id)

    def to_params(self, prefix: str | None = None) -> dict[str, str]:
        """The fields of a form that would give this command, by name. Secrets and the envelope are not among them.

        Raises `ValueError` for a key of a dict that cannot be part of such a name: a blank one, or one with brackets.
        """
        return form_fields(self, prefix)

    def validate(self, validation_contexts: Iterable[str] = ()) -> dict[str, Any]:
        """The errors of this command by attribute, nested as the attributes are; empty when it is valid.

        `validation_contexts` are names of occasions on which more rules hold.
        """
        with validating_in(validation_contexts):
            schema = self.Schema()
            return dict(translated(schema.validate(given_by(self, schema))))


class Command(BaseCommand):
    """A command about one aggregate."""

    aggregate_id: UUID


class UpdateCommand(Command):
    """A command about one aggregate as somebody has seen it: at version `sequence_number`, 1 or more.

    `self.aggregate(command, ...)` in a command handler refuses it with `OptimisticLockingError` when the aggregate
    has moved on since.
    """

    sequence_number: Annotated[int, Range(min=1)]
