"""What long operations hold in memory: the most that Python had at once, with few and with ten times as many events.

Usage: python -m benchmarks.memory [EVENTS]
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import insert, literal, select, update

from benchmarks import replay
from benchmarks.append import new_ids
from benchmarks.blog import PostRecord, new_app
from benchmarks.databases import New, databases
from benchmarks.harness.arguments import numbers
from benchmarks.harness.results import OURS, Results, Table
from benchmarks.subjects import open_subject
from sequent_sa import Sequent
from sequent_sa.audit import CommandRecord
from sequent_sa.cli.audit import show_since
from sequent_sa.cli.record_lines import show_tree
from sequent_sa.cli.reporting import Part, Report
from sequent_sa.replay import rehearsal
from sequent_sa.replay.drift import verify
from sequent_sa.tables import aggregates, partition_key_changes


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
        "erase one aggregate": _peak(lambda: app.erasure.erase(id_)),
    }
    app.engine.dispose()
    app = new_app(new())
    with app.engine.connect() as connection:
        mark = app.dialect.position_mark(connection)
    replay.fill(app, events)
    found["replay in one process"] = _peak(partial(replay.ours, app, 1, events))
    found["rehearse in one process"] = _peak(lambda: _count(_rehearse(app), events))
    found["verify, where every row differs"] = _peak(lambda: _count(_verify(app), events // 10))
    found["`events --follow`, from the first on"] = _peak(lambda: show_since(app, _Silent(), (), mark))
    found["audit of one command with all events"] = _peak(lambda: _audit(app))
    found["move a tenth of the aggregates"] = _peak(lambda: _count(_move(app, events // 100), events // 100))
    app.engine.dispose()
    return found


class _Silent(Report):
    def say(self, data: Mapping[str, Any], *parts: Part) -> None:
        """What is printed is not what is measured."""


def _rehearse(app: Sequent) -> int:
    context = replace(app.replay_context(replay.NoMigrations()), workers=1)
    return rehearsal.rehearse(context, app.projectors, _ignore, _ignore).progress.done


def _verify(app: Sequent) -> int:
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(PostRecord).values(author="by hand"))
    context = replace(app.replay_context(replay.NoMigrations()), workers=1)
    return verify(context, app.projectors, _ignore, _ignore, _ignore)


def _ignore(_: object) -> None:
    """Nobody is told."""


def _audit(app: Sequent) -> None:
    with app.session() as session:
        show_tree(_Silent(), session, session.get_one(CommandRecord, 1), app.type_names)


def _move(app: Sequent, number: int) -> int:
    change = select(aggregates.c.aggregate_id, aggregates.c.events_partition_key, literal("new"))
    names = ("aggregate_id", "old_partition_key", "new_partition_key")
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(insert(partition_key_changes).from_select(names, change))
    return app.partitions.update_keys(number)


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
