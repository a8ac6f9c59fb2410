"""Commands: what somebody wants to happen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self, cast
from uuid import UUID

import marshmallow

from sequent_sa import _clock
from sequent_sa.messages.form_params import Params
from sequent_sa.messages.message import Message, header
from sequent_sa.messages.schemas import LazySchema


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
    def from_params(cls, params: Mapping[str, Any], *, user_id: UUID | None = None) -> Params[Self]:
        """Wrap raw user input, as a form or a JSON client sends it; executing it validates and parses.

        The envelope cannot come from input: give `user_id` apart.
        """
        return Params(cls, params, user_id=user_id)

    def validate(self) -> dict[str, Any]:
        """The errors of this command by attribute, nested as the attributes are; empty when it is valid."""
        attributes = {name: getattr(self, name) for name in self.__struct_fields__ if name not in self.__envelope__}
        return dict(self.Schema().validate(attributes))


class Command(BaseCommand):
    """A command about one aggregate."""

    aggregate_id: UUID
