"""W6 with the mapper and transcoder of `eventsourcing`, its own transcodings and one for the nested object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    Transcoding,
    UUIDAsHex,
)

from benchmarks.blog import Money


class Paid(DomainEvent):  # type: ignore[misc]  # untyped where it is not installed
    """The event of the benchmark."""

    originator_id: UUID
    originator_version: int
    by: UUID
    at: datetime
    rate: Decimal
    amount: Money


class MoneyAsDict(Transcoding):  # type: ignore[misc]  # untyped where it is not installed
    """Money and back."""

    type = Money
    name = "money"

    def encode(self, obj: Money) -> dict[str, Any]:
        return obj.to_dict()

    def decode(self, data: dict[str, Any]) -> Money:
        return Money(**data)


def both_ways(id_: UUID, moment: datetime, values: dict[str, Any]) -> Callable[[], object]:
    """What brings one event to JSON and back."""
    transcoder = JSONTranscoder()
    for each in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO(), MoneyAsDict()):
        transcoder.register(each)
    mapper = Mapper(transcoder=transcoder)
    event = Paid(originator_id=id_, originator_version=1, timestamp=moment, **values)

    def call() -> object:
        return mapper.to_domain_event(mapper.to_stored_event(event))

    assert call() == event
    return call
