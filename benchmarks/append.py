"""W1, W2 and W4: durable transactions, beside the least that does the same work by hand, and beside other libraries.

W1 makes an aggregate with four events; W2 loads one with ten events and appends one, with one client and with four;
W4 is W1 with a view row in the same transaction. Usage: python -m benchmarks.append [TRANSACTIONS A ROUND] [ROUNDS]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from uuid import UUID

from benchmarks.databases import New, databases
from benchmarks.harness.arguments import numbers
from benchmarks.harness.clients import Clients, clients
from benchmarks.harness.figures import Figures, Round
from benchmarks.harness.results import Result, Results
from benchmarks.harness.rounds import interleaved, timed
from benchmarks.subjects import Counts, Subject, names, open_subject
from benchmarks.subjects.emmett import EMMETT, on_emmett, what_is_missing
from sequent_sa.ids import new_uuid

UNIT = "transactions"
CLIENTS = 4
FEW, MANY = 4, 10  # events of a new post, and of one that is loaded
Opened = dict[str, tuple[str, Subject]]
Work = dict[str, Callable[[], Round]]
Through = Callable[[str], AbstractContextManager[str]]


def main() -> None:
    """All of it, on both kinds of databases."""
    transactions, rounds = numbers(300, 7)
    results = Results()
    for database, new in databases():
        measure(results, database, new, transactions, rounds)


def measure(results: Results, database: str, new: New, transactions: int, rounds: int) -> None:
    """Add what W1, W2 and W4 give on one kind of database."""

    def add(workload: str, found: dict[str, Figures]) -> None:
        command = f"python -m benchmarks.append {transactions} {rounds}"
        results.add(Result(workload, database, UNIT, found, command))

    add("W1", adding(database, new, transactions, rounds, projecting=False))
    add("W2", counting(database, new, transactions, rounds))
    add("W2, 4 clients", counting_together(database, new, transactions, rounds))
    add("W4", adding(database, new, transactions, rounds, projecting=True))


def adding(
    database: str, new: New, transactions: int, rounds: int, *, projecting: bool, through: Through | None = None
) -> dict[str, Figures]:
    """W1, and W4 when it is `projecting`."""
    done = (rounds + 1) * transactions
    with opened(database, new, projecting=projecting, through=through) as subjects, ExitStack() as stack:
        work: Work = {name: partial(_add, subject, transactions) for name, (_, subject) in subjects.items()}
        if not (projecting or through):
            stack.enter_context(emmett_too(work, database, new, (1, "add", transactions), FEW * done))
        found = interleaved(work, rounds)
        check(subjects, Counts(FEW * done, done if projecting else 0))
    return found


def counting(
    database: str, new: New, transactions: int, rounds: int, *, through: Through | None = None
) -> dict[str, Figures]:
    """W2 with one client."""
    done = (MANY + 1) * (rounds + 1) * transactions
    with opened(database, new, through=through) as subjects, ExitStack() as stack:
        work: Work = {name: partial(_count, subject, transactions) for name, (_, subject) in subjects.items()}
        if not through:
            stack.enter_context(emmett_too(work, database, new, (1, "count", transactions), done))
        found = interleaved(work, rounds)
        check(subjects, Counts(done, 0))
    return found


def counting_together(database: str, new: New, transactions: int, rounds: int) -> dict[str, Figures]:
    """W2 with several client processes, each on aggregates of its own."""
    each = max(1, transactions // CLIENTS)
    done = (MANY + 1) * (rounds + 1) * each * CLIENTS
    with opened(database, new) as subjects, ExitStack() as stack:
        work: Work = {
            name: partial(_count_together, subject, stack.enter_context(clients(CLIENTS, name, url, "count")), each)
            for name, (url, subject) in subjects.items()
        }
        stack.enter_context(emmett_too(work, database, new, (CLIENTS, "count", each), done))
        found = interleaved(work, rounds)
        check(subjects, Counts(done, 0))
    return found


@contextmanager
def emmett_too(work: Work, database: str, new: New, how: tuple[int, str, int], events: int) -> Iterator[None]:
    """Let emmett be measured beside the others, where it can be. `how`: clients, what they do, pieces a round of each.

    At the end it must have stored so many events.
    """
    number, kind, each = how
    reason = what_is_missing() if database == "postgresql" else "it is not for this database"
    if reason is not None:
        print(f"{EMMETT} is not measured on {database}: {reason}")
        yield
        return
    with on_emmett(new(), number, kind) as emmett:
        work[EMMETT] = lambda: emmett.round([new_ids(each) for _ in range(number)])
        yield
        assert events == emmett.events(), (events, emmett.events())


def _add(subject: Subject, transactions: int) -> Round:
    return timed(subject.add, new_ids(transactions))


def _count(subject: Subject, transactions: int) -> Round:
    return timed(subject.count, stored(subject, transactions))


def _count_together(subject: Subject, connected: Clients, each: int) -> Round:
    return connected.round([stored(subject, each) for _ in range(len(connected))])


def stored(subject: Subject, number: int) -> list[UUID]:
    """New posts with ten events."""
    ids = new_ids(number)
    subject.store(ids, MANY)
    return ids


def new_ids(number: int) -> list[UUID]:
    """Made before the time is taken, as all subjects get them."""
    return [new_uuid() for _ in range(number)]


@contextmanager
def opened(database: str, new: New, *, projecting: bool = False, through: Through | None = None) -> Iterator[Opened]:
    """Each subject with the URL of a database of its own, which may be reached `through` something."""
    with ExitStack() as stack:
        found: Opened = {}
        for name in names(database, projecting=projecting):
            url = stack.enter_context(through(new())) if through else new()
            found[name] = url, stack.enter_context(closing(open_subject(name, url, projecting=projecting)))
        yield found


def check(subjects: Opened, expected: Counts) -> None:
    """Everything is stored that was measured."""
    found = {name: subject.counts() for name, (_, subject) in subjects.items()}
    assert all(counts == expected for counts in found.values()), (expected, found)


if __name__ == "__main__":
    main()
