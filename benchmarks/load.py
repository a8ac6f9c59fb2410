"""W3: loading one aggregate of 100 and of 1,000 events, typed events folded into it, without a snapshot.

The limit reads the same rows with the driver; msgspec decodes the text of each event to its class.
Usage: python -m benchmarks.load [LOADS OF 1,000 EVENTS A ROUND] [ROUNDS]
"""

from __future__ import annotations

from functools import partial

from benchmarks.append import new_ids, opened
from benchmarks.databases import New, databases
from benchmarks.harness.arguments import numbers
from benchmarks.harness.figures import Round
from benchmarks.harness.results import Result, Results
from benchmarks.harness.rounds import interleaved, timed
from benchmarks.subjects import Subject

SIZES = (100, 1_000)


def main() -> None:
    """On both kinds of databases."""
    loads, rounds = numbers(10, 7)
    results = Results()
    for database, new in databases():
        measure(results, database, new, loads, rounds)


def measure(results: Results, database: str, new: New, loads: int, rounds: int) -> None:
    """Add what W3 gives on one kind of database, in events a second."""
    with opened(database, new) as subjects:
        for size in SIZES:
            work = {
                name: partial(_load, subject, size, loads * max(SIZES) // size)
                for name, (_, subject) in subjects.items()
            }
            command = f"python -m benchmarks.load {loads} {rounds}"
            results.add(Result(f"W3, {size:,} events", database, "events", interleaved(work, rounds), command))


def _load(subject: Subject, size: int, loads: int) -> Round:
    (id_,) = ids = new_ids(1)
    subject.store(ids, size)
    assert subject.load(id_) == size
    measured = timed(subject.load, [id_] * loads)
    return Round(measured.pieces * size, measured.seconds, measured.latencies)


if __name__ == "__main__":
    main()
