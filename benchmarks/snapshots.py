"""Loading an aggregate with many events, from its events and from a snapshot, on both databases."""

from __future__ import annotations

import statistics
import time
from functools import partial

from benchmarks.databases import urls
from tests import ledger

EVENTS = 1_000
ROUNDS = 30


def main() -> None:
    """Interleaved rounds; the median time of one load, and the ratio."""
    for name, url in urls():
        apps = [ledger.new_app(url, version) for version in ("without_snapshots", "version_1")]
        apps[0].create_all()
        aggregate_id = apps[0].new_uuid()
        apps[0].execute_commands(ledger.OpenAccount(aggregate_id=aggregate_id, iban="NL1"))
        for number in range(EVENTS // 100):
            ledger.entered(apps[0], aggregate_id, *(str(number * 100 + each) for each in range(100)))
        apps[1].snapshots.take_one(aggregate_id)
        loads = [partial(app.repository.load_aggregate, aggregate_id) for app in apps]
        times: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for load, found in zip(loads, times, strict=True):
                begin = time.perf_counter()
                load()
                found.append(time.perf_counter() - begin)
        events, snapshot = (statistics.median(found) * 1_000 for found in times)
        print(f"{name}: {EVENTS} events {events:.2f} ms, snapshot {snapshot:.2f} ms, ratio {events / snapshot:.1f}")
        for app in apps:
            app.engine.dispose()


if __name__ == "__main__":
    main()
