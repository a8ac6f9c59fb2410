"""W6: an event with an id, a moment, a decimal and a value object, to JSON and back to the object.

The limit is msgspec on a frozen dataclass. Usage: python -m benchmarks.codec [EVENTS A ROUND] [ROUNDS]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from uuid import UUID, uuid4

import msgspec

from benchmarks.blog import Money, Paid
from benchmarks.harness.arguments import numbers
from benchmarks.harness.figures import Round
from benchmarks.harness.results import LIMIT, OURS, PEER, Result, Results
from benchmarks.harness.rounds import interleaved
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.event_reader import event_reader

MARSHMALLOW = "marshmallow and msgspec's JSON"
SLOW = 20  # so many times fewer events for what takes long

ID, NOW = uuid4(), datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
EVENT = Paid(ID, 1, NOW, by=uuid4(), at=NOW, rate=Decimal("1.0725"), amount=Money(cents=1250, currency="EUR"))
STORED = encode_event(EVENT)
READ = event_reader(Paid)  # what the event store reads with


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


PLAIN = PlainPaid(ID, 1, NOW, EVENT.by, NOW, EVENT.rate, PlainMoney(1250, "EUR"))
DECODER, ENCODER = msgspec.json.Decoder(PlainPaid), msgspec.json.Encoder()


def limit() -> object:
    return DECODER.decode(ENCODER.encode(PLAIN))


def encoded() -> object:
    return encode_event(EVENT)


def decoded() -> object:
    return READ(ID, 1, NOW, STORED)


def both_ways() -> object:
    return READ(ID, 1, NOW, encode_event(EVENT))


def constructed() -> object:
    return Paid(ID, 1, NOW, by=EVENT.by, at=NOW, rate=EVENT.rate, amount=EVENT.amount)


def by_schema() -> object:
    return Paid.load(msgspec.json.decode(msgspec.json.encode(EVENT.dump())))


def main() -> None:
    """Measure and print."""
    events, rounds = numbers(3_000, 15)
    measure(Results(), events, rounds)


def measure(results: Results, events: int, rounds: int) -> None:
    """Add what W6 gives; the parts of it are in a result of their own."""
    assert both_ways() == decoded() == by_schema() == EVENT
    assert limit() == PLAIN
    slow = max(1, events // SLOW)
    subjects = {
        OURS: partial(_round, both_ways, events),
        LIMIT: partial(_round, limit, events),
        MARSHMALLOW: partial(_round, by_schema, slow),
    }
    if find_spec("eventsourcing") is not None:
        from benchmarks.subjects import eventsourcing_codec as peer  # noqa: PLC0415 - may not be installed

        values = {name: getattr(EVENT, name) for name in ("by", "at", "rate", "amount")}
        subjects[PEER] = partial(_round, peer.both_ways(ID, NOW, values), slow)
    parts = {"encode, proven readable": encoded, "decode": decoded, "construct": constructed}
    command = f"python -m benchmarks.codec {events} {rounds}"
    results.add(Result("W6", "", "events", interleaved(subjects, rounds), command))
    each = {OURS: both_ways, **parts}
    results.add(
        Result(
            "W6, its parts",
            "",
            "events",
            interleaved({name: partial(_round, call, events) for name, call in each.items()}, rounds),
            command,
        )
    )


def _round(call: Callable[[], object], number: int) -> Round:
    begin = time.perf_counter()
    for _ in range(number):
        call()
    return Round(number, time.perf_counter() - begin)


if __name__ == "__main__":
    main()
