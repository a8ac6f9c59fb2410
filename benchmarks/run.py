"""Measures, and writes what was found into docs/performance: pages, results.json and plots. Says what target is missed.

Usage: python -m benchmarks.run [--tiny] [PART ...]; a part is one of `PARTS`, by default those that take ten minutes in
all. `--tiny` only proves that everything runs, and writes into a directory that is gone afterwards.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks import append, codec, concurrency, growth, latency, load, memory, replay, startup
from benchmarks.databases import New, databases, postgresql_databases
from benchmarks.harness import report
from benchmarks.harness.results import Results
from benchmarks.harness.settings import settings
from benchmarks.harness.targets import judged

PAGES = Path(__file__).parents[1] / "docs" / "performance"


class Scale(NamedTuple):
    """How much of each is done: pieces of work (or milliseconds) a round, rounds, and the most clients."""

    transactions: tuple[int, int]
    loads: tuple[int, int]
    events_to_code: tuple[int, int]
    events_to_replay: tuple[int, int]
    many_clients: tuple[int, int, int]
    events_in_memory: int
    events_stored: int
    starts: int


FULL = Scale((300, 7), (10, 7), (3_000, 15), (500_000, 3), (300, 5, 16), 10_000, 10_000_000, 9)
TINY = Scale((4, 1), (1, 1), (20, 1), (1_000, 1), (30, 1, 2), 100, 1_000, 1)


def workloads(scale: Scale) -> tuple[Results, Mapping[str, str]]:
    """W1 to W6, and the targets."""
    results = Results()
    codec.measure(results, *scale.events_to_code)
    measured_with: Mapping[str, str] = {}
    for database, new in databases():
        append.measure(results, database, new, *scale.transactions)
        load.measure(results, database, new, *scale.loads)
        replay.measure(results, database, new, *scale.events_to_replay)
        measured_with = settings(new() if database == "postgresql" else None)
    return results, measured_with


def with_latency(scale: Scale) -> tuple[Results, Mapping[str, str]]:
    """W1, W2 and W4 at a distance."""
    results = Results()
    transactions, rounds = scale.transactions
    with postgresql_databases() as new:
        measured_with = settings(new())
        latency.measure(results, new, max(1, transactions // 3), rounds)
    return results, measured_with


def of_many_clients(scale: Scale) -> tuple[Results, Mapping[str, str]]:
    """1 to 16 client processes."""
    milliseconds, rounds, most = scale.many_clients
    return _on_both(partial(concurrency.measure, milliseconds=milliseconds, rounds=rounds, most=most))


def of_memory(scale: Scale) -> tuple[Results, Mapping[str, str]]:
    """What long operations hold."""
    return _on_both(partial(memory.measure, events=scale.events_in_memory))


def of_growth(scale: Scale) -> tuple[Results, Mapping[str, str]]:
    """Stores of ten thousand to ten million events."""
    return _on_both(partial(growth.measure, most=scale.events_stored))


def of_starting(scale: Scale) -> tuple[Results, Mapping[str, str]]:
    """Imports, help, a unit test."""
    results = Results()
    measured_with = settings()
    startup.measure(results, scale.starts)
    return results, measured_with


def _on_both(measure: Callable[[Results, str, New], None]) -> tuple[Results, Mapping[str, str]]:
    results = Results()
    measured_with: Mapping[str, str] = {}
    for database, new in databases():
        measured_with = settings(new() if database == "postgresql" else None)
        measure(results, database, new)
    return results, measured_with


PARTS: dict[str, Callable[[Scale], tuple[Results, Mapping[str, str]]]] = {
    "results": workloads,
    "latency": with_latency,
    "concurrency": of_many_clients,
    "memory": of_memory,
    "starting": of_starting,
    "growth": of_growth,
}
LONG = {"growth"}


def main(arguments: list[str]) -> None:
    """Measure the parts that are named, and print a line for each target that was missed."""
    tiny = "--tiny" in arguments
    parts = [each for each in arguments if each != "--tiny"] or [each for each in PARTS if each not in LONG]
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"there is no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    if not tiny:
        missed = [line for part in parts for line in measured(part, FULL, PAGES)]
        print(*missed, sep="\n")
        return
    with tempfile.TemporaryDirectory() as directory:
        place = Path(shutil.copytree(PAGES, f"{directory}/pages"))
        for part in parts:
            measured(part, TINY, place)


def measured(part: str, scale: Scale, place: Path) -> list[str]:
    """Measure one part and write it. Returns a line for each target that was missed."""
    results, measured_with = PARTS[part](scale)
    report.write(place, part, results, measured_with)
    if part != "results":
        return []
    if find_spec("matplotlib") is not None:
        from benchmarks.harness.plot import plot  # noqa: PLC0415 - may not be installed

        for database in ("postgresql", "sqlite"):
            plot(results, database, place / f"{database}.svg")
    return [
        f"missed: {target.workload} {target.database} beside {target.rival}: {ratio:.2f}, not {target.must:g}"
        for target, ratio, word in judged(results)
        if ratio is not None and ratio < target.must
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
