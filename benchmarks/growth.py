"""What a command and a load cost as the store grows: they should cost the same with ten thousand events and with ten
million.

Aggregates of ten events are stored by SQL, then measured: a new aggregate with four events, one more event for a random
old one, and loading a random old one. On PostgreSQL once in the default partition and once spread over ten partitions.
Usage: python -m benchmarks.growth [MOST EVENTS [FEWEST EVENTS]] [sqlite] [postgresql] [partitions]

By default from ten thousand events to a million, everywhere. With both numbers the same it is one size: numbers of two
runs cannot be compared, but a size that was disturbed can be looked at again.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterator
from uuid import UUID

from sqlalchemy import Engine, func, select

from benchmarks.blog import AddPost, CountWords, Post, new_app, without_projection
from benchmarks.databases import New, databases
from benchmarks.harness.results import Results, Table
from sequent_sa import Sequent
from sequent_sa.tables import commands

FEWEST = 10_000
EVENTS_EACH = 10
PARTITIONS = 10
ROUNDS, CALLS = 9, 60
KINDS = {"sqlite": ("sqlite",), "postgresql": ("postgresql", "partitions")}
"""Where events may be, for each kind of database."""
ALL = tuple(kind for kinds in KINDS.values() for kind in kinds)

_POSTGRESQL = """
SET LOCAL session_replication_role = replica;
INSERT INTO sequent_schema.commands (created_at, aggregate_id, command_type_id, command_json)
SELECT now(), {id}, (SELECT min(id) FROM sequent_schema.command_types), '{{"words": 1}}'
  FROM generate_series({first}, {last}) AS n;
INSERT INTO sequent_schema.aggregates (aggregate_id, events_partition_key, aggregate_type_id)
SELECT {id}, {key}, (SELECT min(id) FROM sequent_schema.aggregate_types) FROM generate_series({first}, {last}) AS n;
INSERT INTO sequent_schema.events
       (aggregate_id, partition_key, sequence_number, created_at, command_id, event_type_id, event_json)
SELECT {id}, {key}, e, now(), (SELECT max(id) FROM sequent_schema.commands) - {last} + n,
       (SELECT id FROM sequent_schema.event_types WHERE type = 'PostWordsCounted'), '{{"words": 1}}'
  FROM generate_series({first}, {last}) AS n, generate_series(1, {each}) AS e"""

_SQLITE = """
WITH RECURSIVE n (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM n WHERE n < {last})
INSERT INTO commands (id, created_at, aggregate_id, command_type_id, command_json)
SELECT {offset} + n, '2026-01-01 00:00:00.000000', {id}, (SELECT min(id) FROM command_types), '{{"words": 1}}' FROM n;
WITH RECURSIVE n (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM n WHERE n < {last})
INSERT INTO aggregates (aggregate_id, events_partition_key, aggregate_type_id, created_at)
SELECT {id}, {key}, (SELECT min(id) FROM aggregate_types), '2026-01-01 00:00:00.000000' FROM n;
WITH RECURSIVE n (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM n WHERE n < {last}),
               e (e) AS (SELECT 1 UNION ALL SELECT e + 1 FROM e WHERE e < {each})
INSERT INTO events (aggregate_id, partition_key, sequence_number, created_at, command_id, event_type_id, event_json)
SELECT {id}, {key}, e, '2026-01-01 00:00:00.000000', {offset} + n,
       (SELECT id FROM event_types WHERE type = 'PostWordsCounted'), '{{"words": 1}}' FROM n CROSS JOIN e"""


def fill(engine: Engine, first: int, last: int, *, partitions: bool) -> None:
    """Store the aggregates with the numbers from `first` to `last`, in the order of time as their ids say."""
    postgresql = engine.dialect.name == "postgresql"
    with engine.connect() as connection, connection.begin():
        offset = connection.scalar(select(func.max(commands.c.id)))
        script = (_POSTGRESQL if postgresql else _SQLITE).format(
            first=first,
            last=last,
            each=EVENTS_EACH,
            offset=(offset or 0) - first + 1,
            id="('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
            if postgresql
            else "'0190000000007000' || '8000' || printf('%012x', n)",
            key=f"'P' || mod(n, {PARTITIONS})" if partitions else "''",
        )
        for statement in script.split(";"):
            connection.exec_driver_sql(statement)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def median(work: Callable[[], object]) -> float:
    """Microseconds a call: the median of several rounds."""
    took: list[float] = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(CALLS):
            work()
        took.append((time.perf_counter() - begin) / CALLS * 1e6)
    return statistics.median(took)


def measure_costs(app: Sequent, aggregates: int) -> tuple[float, float, float]:
    """Microseconds for a new aggregate, for one more event of an old one, and for loading one."""

    def old() -> UUID:
        return UUID(f"01900000-0000-7000-8000-{random.randint(1, aggregates):012x}")

    def add() -> None:
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="A title of twenty c", words=1))

    return (
        median(add),
        median(lambda: app.execute_commands(CountWords(aggregate_id=old(), words=2))),
        median(lambda: app.repository.load_aggregate(old(), Post)),
    )


def grow(label: str, app: Sequent, fewest: int, most: int, *, partitions: bool) -> Iterator[tuple[str, ...]]:
    """A row for each size; how many times as much as at the smallest stands behind each number."""
    warm = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=warm, author="ben", title="x", words=1))
    app.execute_commands(CountWords(aggregate_id=warm, words=1))
    stored, size = 0, min(fewest, most)
    base: tuple[float, float, float] | None = None
    while size <= most:
        fill(app.engine, stored + 1, size // EVENTS_EACH, partitions=partitions)
        stored = size // EVENTS_EACH
        costs = measure_costs(app, stored)
        base = base or costs
        row = (label, f"{size:,}", *(f"{cost:,.0f} (x {cost / at:.2f})" for cost, at in zip(costs, base, strict=True)))
        print(*row, flush=True)
        yield row
        size *= 10


def measure(
    results: Results, database: str, new: New, most: int, fewest: int = FEWEST, kinds: Collection[str] = ALL
) -> None:
    """Add a table; on PostgreSQL also with partitions, each kind on a database of its own."""
    rows: list[tuple[str, ...]] = []
    for kind in KINDS[database]:
        if kind not in kinds:
            continue
        partitions = kind == "partitions"
        app = without_projection(new_app(new()))
        app.register_types()
        if partitions:
            with app.engine.begin() as connection:
                for number in range(PARTITIONS):
                    connection.exec_driver_sql(
                        f"CREATE TABLE sequent_schema.events_p{number} PARTITION OF sequent_schema.events "
                        f"FOR VALUES FROM ('P{number}') TO ('P{number + 1 if number < PARTITIONS - 1 else 'Z'}')"
                    )
        label = f"{database}{', ten partitions' if partitions else ''}"
        rows += grow(label, app, fewest, most, partitions=partitions)
        app.engine.dispose()
    if rows:
        columns = ("database", "events", "new, µs", "append, µs", "load, µs")
        results.add_table(Table(f"Cost of one, {database}", columns, rows, f"python -m benchmarks.growth {most}"))


def main() -> None:
    """On both kinds of databases, or where it is said."""
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()]
    most, fewest = [*sizes, *(1_000_000, FEWEST)[len(sizes) :]][:2]
    kinds = [each for each in sys.argv[1:] if not each.isdigit()] or ALL
    if unknown := set(kinds) - set(ALL):
        sys.exit(f"there is no {', '.join(sorted(unknown))}: there are {', '.join(ALL)}")
    results = Results()
    for database, new in databases():
        measure(results, database, new, most, fewest, kinds)


if __name__ == "__main__":
    main()
