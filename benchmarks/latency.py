"""W1, W2 and W4 on PostgreSQL with one millisecond between client and server, and how often each waits for an answer.

Usage: python -m benchmarks.latency [TRANSACTIONS A ROUND] [ROUNDS]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from uuid import UUID

from benchmarks.append import UNIT, adding, counting, new_ids, opened, stored
from benchmarks.databases import New, postgresql_databases
from benchmarks.harness.arguments import numbers
from benchmarks.harness.delaying_proxy import delayed
from benchmarks.harness.results import Result, Results, Table
from benchmarks.subjects import Subject
from tests.databases.proxy import Proxy

MILLISECONDS = 1.0
WARM = 10  # drivers prepare what they have seen some times, which takes flights of its own


def main() -> None:
    """On PostgreSQL."""
    transactions, rounds = numbers(100, 5)
    with postgresql_databases() as new:
        measure(Results(), new, transactions, rounds)


def measure(results: Results, new: New, transactions: int, rounds: int) -> None:
    """Add the workloads with the delay, and a table of flights."""
    os.environ |= {"PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}  # for who gets no URL but a host and a port
    command = f"python -m benchmarks.latency {transactions} {rounds}"
    far = partial(delayed, milliseconds=MILLISECONDS)
    arguments = ("postgresql", new, transactions, rounds)
    for workload, found in (
        ("W1", adding(*arguments, projecting=False, through=far)),
        ("W2", counting(*arguments, through=far)),
        ("W4", adding(*arguments, projecting=True, through=far)),
    ):
        results.add(Result(f"{workload}, {MILLISECONDS:g} ms", "postgresql", UNIT, found, command))
    results.add_table(_flights(new, command))


def _flights(new: New, command: str) -> Table:
    counted: dict[str, dict[str, str]] = {}
    for workload, projecting in (("W1", False), ("W2", False), ("W4", True)):
        proxies: dict[str, Proxy] = {}

        @contextmanager
        def through(url: str, proxies: dict[str, Proxy] = proxies) -> Iterator[str]:
            with closing(Proxy(url)) as proxy:
                proxies[proxy.url] = proxy
                yield proxy.url

        with opened("postgresql", new, projecting=projecting, through=through) as subjects:
            for name, (url, subject) in subjects.items():
                ids = stored(subject, 2 * WARM) if workload == "W2" else new_ids(2 * WARM)
                flights = _counted(proxies[url], _work(subject, workload), ids)
                counted.setdefault(name, {})[workload] = flights
    columns = ("flights of one command", "W1", "W2", "W4")
    rows = [(name, *(found.get(workload, "-") for workload in columns[1:])) for name, found in counted.items()]
    return Table("Flights: how often one command waits for an answer", columns, rows, command)


def _work(subject: Subject, workload: str) -> Callable[[UUID], object]:
    return subject.count if workload == "W2" else subject.add


def _counted(proxy: Proxy, work: Callable[[UUID], object], ids: list[UUID]) -> str:
    for id_ in ids[:WARM]:
        work(id_)
    before = proxy.flights
    for id_ in ids[WARM:]:
        work(id_)
    return f"{(proxy.flights - before) / (len(ids) - WARM):g}"


if __name__ == "__main__":
    main()
