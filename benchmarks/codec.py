"""W6: an event with an id, a moment, a decimal and a value object, to JSON and back to the object.

Prints thousands of events a second, and ratios to msgspec on a frozen dataclass, medians of interleaved rounds.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec

from sequent_sa import Event, ValueObject
from sequent_sa.messages.codec import decode_event, encode_event

ROUNDS, EVENTS = 15, 3_000
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Money(ValueObject):
    cents: int
    currency: str


class Paid(Event):
    by: UUID
    at: datetime
    rate: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class PlainMoney:
    cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class PlainPaid:
    aggregate_id: UUID
    sequence_number: int
    created_at: datetime
    by: UUID
    at: datetime
    rate: Decimal
    amount: PlainMoney


ID = uuid4()
EVENT = Paid(ID, 1, NOW, by=uuid4(), at=NOW, rate=Decimal("1.0725"), amount=Money(cents=1250, currency="EUR"))
PLAIN = PlainPaid(ID, 1, NOW, EVENT.by, NOW, EVENT.rate, PlainMoney(1250, "EUR"))
PLAIN_DECODER = msgspec.json.Decoder(PlainPaid)
PLAIN_ENCODER = msgspec.json.Encoder()


def limit() -> object:
    return PLAIN_DECODER.decode(PLAIN_ENCODER.encode(PLAIN))


STORED = encode_event(EVENT)


def encoded() -> object:
    return encode_event(EVENT)


def decoded() -> object:
    return decode_event(Paid, ID, 1, NOW, STORED)


def both_ways() -> object:
    return decode_event(Paid, ID, 1, NOW, encode_event(EVENT))


def constructed() -> object:
    return Paid(ID, 1, NOW, by=EVENT.by, at=NOW, rate=EVENT.rate, amount=EVENT.amount)


def by_schema() -> object:
    return Paid.load(json.loads(json.dumps(EVENT.dump())))


def seconds(call: Callable[[], object], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number


def main() -> None:
    """Measure and print."""
    assert both_ways() == by_schema() == EVENT
    assert limit() == PLAIN
    calls = {
        "limit: msgspec on a frozen dataclass, both ways": limit,
        "both ways": both_ways,
        "encode, proven to be readable": encoded,
        "decode": decoded,
        "construct": constructed,
        "marshmallow and json, both ways": by_schema,
    }
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            found[name].append(seconds(call, EVENTS // 20 if call is by_schema else EVENTS))
    fastest = statistics.median(found[next(iter(calls))])
    for name, times in found.items():
        median = statistics.median(times)
        print(f"{name:50} {1e6 * median:8.2f} us {1e-3 / median:8.0f} k/s   {fastest / median:5.2f} of the limit")


if __name__ == "__main__":
    main()
