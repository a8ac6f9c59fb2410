"""Many client processes at once: on aggregates of their own and on one hot aggregate, and readers beside a writer.

Each command is W2's: load a post, append an event. Every client works for a short time, all at once; that is a round,
and rounds with 1, 2, 4, 8 and 16 clients take turns. Lost races are tried again, and counted.
Usage: python -m benchmarks.concurrency [MILLISECONDS A ROUND] [ROUNDS]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg

from benchmarks.append import MANY, stored
from benchmarks.databases import New, databases, libpq_url
from benchmarks.harness.arguments import numbers
from benchmarks.harness.clients import Answer, Clients, clients, together
from benchmarks.harness.figures import Round, figures
from benchmarks.harness.results import LIMIT, OURS, Results, Table
from benchmarks.subjects import Subject, open_subject

CLIENTS = (1, 2, 4, 8, 16)
READERS = (0, 1, 3, 7)
OWN, BY_HAND, HOT = "own aggregates", "own aggregates, by hand", "one aggregate"
AGGREGATES_EACH = 20
COLUMNS = (
    "work", "clients", "a second", "spread", "p50 µs", "p95 µs", "p99 µs", "tried again", "least", "most",
)  # fmt: skip
MIXED_COLUMNS = ("readers", "commands a second", "p50 µs", "p99 µs", "loads a second", "p50 µs", "p99 µs")


def main() -> None:
    """On both kinds of databases."""
    milliseconds, rounds = numbers(300, 5)
    results = Results()
    for database, new in databases():
        measure(results, database, new, milliseconds, rounds)


@dataclass
class Turns:
    """What so many clients did in all rounds."""

    rounds: list[Round] = field(default_factory=list[Round])
    again: int = 0
    shares: list[float] = field(default_factory=list[float])

    def add(self, answers: Sequence[Answer], *, retried: bool) -> None:
        """One round."""
        self.rounds.append(together(answers))
        done = [len(answer.latencies) for answer in answers]
        self.again += sum(answer.tries for answer in answers) - sum(done) if retried else 0
        self.shares += [each * len(done) / (sum(done) or 1) for each in done]

    def row(self, work: str, number: int) -> tuple[str, ...]:
        """For the table."""
        found = figures(self.rounds)
        return (
            work,
            str(number),
            f"{found.median:,.0f}",
            f"{found.spread:.0%}",
            *(f"{found.percentiles[p]:,.0f}" for p in ("p50", "p95", "p99")),
            f"{self.again:,}",
            f"{min(self.shares):.2f}",
            f"{max(self.shares):.2f}",
        )


def measure(results: Results, database: str, new: New, milliseconds: int, rounds: int, most: int = CLIENTS[-1]) -> None:
    """Add a table of clients, and one of readers beside a writer. What fails, deadlocks included, ends the run."""
    command = f"python -m benchmarks.concurrency {milliseconds} {rounds}"
    seconds = milliseconds / 1_000
    rows: list[tuple[str, ...]] = []
    for works, name, kind in (((OWN, HOT), OURS, "retried"), ((BY_HAND,), LIMIT, "count")):
        with crowd(name, new(), kind, most) as (subject, connected):
            for work in works:
                rows += _taking_turns(work, subject, connected, seconds, rounds)
    results.add_table(Table(f"Clients at the same time, {database}", COLUMNS, rows, command))
    url, counts = new(), [number for number in READERS if number < most]
    with crowd(OURS, url, "count", 1) as (subject, writer), clients(counts[-1], OURS, url, "load") as readers:
        mixed = [_beside_readers(subject, writer, readers, number, seconds * rounds) for number in counts]
    results.add_table(Table(f"One writer and many readers, {database}", MIXED_COLUMNS, mixed, command))


@contextmanager
def crowd(name: str, url: str, kind: str, number: int) -> Iterator[tuple[Subject, Clients]]:
    """So many clients on an empty database. Afterwards PostgreSQL has seen no deadlock."""
    with closing(open_subject(name, url)) as subject:
        with clients(number, name, url, kind) as connected:
            yield subject, connected
        if url.startswith("postgresql"):
            with psycopg.connect(libpq_url(url)) as connection:
                row = connection.execute(
                    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
                ).fetchone()
            assert row == (0,), row


def _taking_turns(
    work: str, subject: Subject, connected: Clients, seconds: float, rounds: int
) -> list[tuple[str, ...]]:
    found = {number: Turns() for number in CLIENTS if number <= len(connected)}
    for round_ in range(rounds + 1):
        for number, turns in found.items():
            answers = _together(work, subject, connected, number, seconds)
            if round_:  # one before the first is for warming up
                turns.add(answers, retried=work in {OWN, HOT})
    return [turns.row(work, number) for number, turns in found.items()]


def _together(work: str, subject: Subject, connected: Clients, number: int, seconds: float) -> list[Answer]:
    hot = work == HOT
    ids = stored(subject, 1 if hot else AGGREGATES_EACH * number)
    shares = [ids] * number if hot else [ids[client::number] for client in range(number)]
    answers = connected.work(shares, seconds)
    assert not any(answer.errors for answer in answers), answers
    done = sum(len(answer.latencies) for answer in answers)
    assert done + MANY * len(ids) == sum(subject.load(id_) for id_ in ids)
    return answers


def _beside_readers(
    subject: Subject, writer: Clients, readers: Clients, number: int, seconds: float
) -> tuple[str, ...]:
    ids = stored(subject, AGGREGATES_EACH)
    readers.start([ids] * number, seconds)
    writes = writer.work([ids], seconds)
    reads = readers.answers(number)
    assert not any(answer.errors for answer in (*writes, *reads)), (writes, reads)
    assert len(writes[0].latencies) + MANY * len(ids) == sum(subject.load(id_) for id_ in ids)
    return (str(number), *_rate(writes), *(_rate(reads) if reads else ("-", "-", "-")))


def _rate(answers: Sequence[Answer]) -> tuple[str, str, str]:
    found = figures([together(answers)])
    return f"{found.median:,.0f}", f"{found.percentiles['p50']:,.0f}", f"{found.percentiles['p99']:,.0f}"


if __name__ == "__main__":
    main()
