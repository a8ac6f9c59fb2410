"""Commands of 1 to 16 client processes, each on aggregates of its own, and all on one; and readers beside one writer.

Where all append to one aggregate, those who lose a race try again, up to a hundred times. "Last" says how much longer
the slowest client took than the fastest for the same number of commands: 1 is fair.
Usage: python -m benchmarks.concurrency [COMMANDS OF A CLIENT] [ROUNDS]
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

from benchmarks.append import stored
from benchmarks.databases import New, databases
from benchmarks.harness.arguments import numbers
from benchmarks.harness.clients import Answer, clients, together
from benchmarks.harness.figures import Figures, figures
from benchmarks.harness.results import OURS, Results, Table
from benchmarks.subjects.sequent import OnSequent

CLIENTS = (1, 2, 4, 8, 16)
READERS = 4
EVENTS = 10
NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}

Given = list[list[Answer]]
"""What all clients answered, round by round."""


def main() -> None:
    """On both kinds of databases."""
    commands, rounds = numbers(60, 5)
    results = Results()
    for database, new in databases():
        measure(results, database, new, commands, rounds)


def measure(results: Results, database: str, new: New, commands: int, rounds: int, most: int = CLIENTS[-1]) -> None:
    """Add what one kind of database gives, with up to so many clients."""
    command = f"python -m benchmarks.concurrency {commands} {rounds}"
    rows = [_row(new, number, commands, rounds) for number in CLIENTS if number <= most]
    columns = ("clients", "own aggregates: a second", "p50", "p99", "one for all: a second", "p50", "p99", "last")
    results.add_table(Table(f"Commands on {NAMES[database]}, in ms", columns, rows, command))
    reading = ("", "a second", "p50", "p99")
    title = f"One writer and {READERS} readers on {NAMES[database]}, in ms"
    results.add_table(Table(title, reading, _beside_readers(new, commands, rounds), command))


def _row(new: New, number: int, commands: int, rounds: int) -> tuple[str, ...]:
    url = new()
    with closing(OnSequent(url)) as subject:
        own = _together(subject, url, "count", [stored(subject, commands) for _ in range(number)], rounds)
        ids = stored(subject, rounds + 1)
        one: Given = []
        with clients(number, OURS, url, "retried") as connected:
            for id_ in ids:
                one.append(connected.work([[id_] * commands] * number))
        expected = EVENTS + number * commands
        assert all(subject.load(id_) == expected for id_ in ids), "events were lost or doubled"
    last = statistics.median(max(took) / min(took) for took in ([each.end - each.begin for each in a] for a in one[1:]))
    return str(number), *_shown(own), *_shown(one), f"x {last:.2f}"


def _together(subject: OnSequent, url: str, work: str, shares: Sequence[Sequence[UUID]], rounds: int) -> Given:
    with clients(len(shares), OURS, url, work) as connected:
        return [connected.work(shares) for _ in range(rounds + 1)]


def _beside_readers(new: New, commands: int, rounds: int) -> list[tuple[str, ...]]:
    url = new()
    with closing(OnSequent(url)) as subject, ThreadPoolExecutor(1) as pool:
        shares = [stored(subject, commands) for _ in range(READERS)]
        alone = _together(subject, url, "count", [stored(subject, commands)], rounds)
        writing = pool.submit(_together, subject, url, "count", [stored(subject, commands)], rounds)
        reading = _together(subject, url, "load", shares, rounds)
        beside = writing.result()
    return [
        ("the writer alone", *_shown(alone)),
        ("the writer beside the readers", *_shown(beside)),
        ("the readers", *_shown(reading)),
    ]


def _shown(given: Given) -> tuple[str, ...]:
    found = _figures(given)
    return f"{found.median:,.0f}", *(f"{found.percentiles[p] / 1000:,.1f}" for p in ("p50", "p99"))


def _figures(given: Given) -> Figures:
    assert not any(answer.errors for answers in given for answer in answers), given
    return figures([together(answers) for answers in given[1:]])


if __name__ == "__main__":
    main()
