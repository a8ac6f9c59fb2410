"""What long operations hold in memory: the most that Python had at once, with few and with ten times as many events.

Usage: python -m benchmarks.memory [EVENTS]
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial

from benchmarks import replay
from benchmarks.append import new_ids
from benchmarks.blog import new_app
from benchmarks.databases import New, databases
from benchmarks.harness.arguments import numbers
from benchmarks.harness.results import OURS, Results, Table
from benchmarks.subjects import open_subject
from sequent_sa import Sequent


def main() -> None:
    """On both kinds of databases."""
    (events,) = numbers(10_000)
    results = Results()
    for database, new in databases():
        measure(results, database, new, events)


def measure(results: Results, database: str, new: New, events: int) -> None:
    """Add a table: megabytes for each operation."""
    found: dict[str, list[str]] = {}
    for number in (events, 10 * events):
        for name, megabytes in _peaks(new, number).items():
            found.setdefault(name, []).append(f"{megabytes:.1f}")
    columns = ("MB held", f"{events:,} events", f"{10 * events:,} events")
    rows = [(name, *each) for name, each in found.items()]
    results.add_table(Table(f"Memory, {database}", columns, rows, f"python -m benchmarks.memory {events}"))


def _peaks(new: New, events: int) -> dict[str, float]:
    url = new()
    subject = open_subject(OURS, url)
    (id_,) = ids = new_ids(1)
    subject.store(ids, events)
    subject.close()
    app = Sequent(url, packages=["benchmarks.blog"], environment="test")
    found = {
        "stream one aggregate": _peak(lambda: _count(sum(1 for _ in app.event_log.stream_events(id_)), events)),
        "read all, 1,000 at a time": _peak(lambda: _count(_read_all(app), events)),
    }
    app.engine.dispose()
    app = new_app(new())
    replay.fill(app, events)
    found["replay in one process"] = _peak(partial(replay.ours, app, 1, events))
    app.engine.dispose()
    return found


def _read_all(app: Sequent) -> int:
    number, batch = 0, app.event_log.read_all()
    while batch.events:
        number += len(batch.events)
        batch = app.event_log.read_all(batch.position)
    return number


def _count(found: int, expected: int) -> None:
    assert found == expected, (found, expected)


def _peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
