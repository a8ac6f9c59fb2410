"""Event: a fact about one aggregate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self, cast
from uuid import UUID

import marshmallow

from sequent_sa import _clock
from sequent_sa.messages.message import Message, header
from sequent_sa.messages.schemas import LazySchema


class Event(Message):
    """Something that happened to an aggregate.

    `sequence_number` counts the events of the aggregate from 1. `created_at` is the moment (now by default), in UTC;
    it is part of the envelope, so equal events may have happened at different times.
    """

    __envelope__: ClassVar[frozenset[str]] = frozenset({"created_at"})
    __header_times__: ClassVar[tuple[str, ...]] = ("created_at",)
    # The header may be given by position: that is how type checkers tell it from the attributes of `apply`.
    __positional__: ClassVar[bool] = True

    StoredSchema: ClassVar[type[marshmallow.Schema]] = cast("Any", LazySchema("stored"))

    aggregate_id: UUID = header(kw_only=False)
    sequence_number: int = header(kw_only=False)
    created_at: datetime = header(default_factory=_clock.now, kw_only=False)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """Read an event from what `dump` gave. Raises `marshmallow.ValidationError`."""
        return cast("Self", cls.StoredSchema().load(data))

    def dump(self) -> dict[str, Any]:
        """The event as JSON values, its header included."""
        return cast("dict[str, Any]", self.StoredSchema().dump(self))
