"""W5: rebuilding one view table from stored events, beside the least that does the same work by hand.

Ten events an aggregate: one inserts a row, nine update it. By hand on PostgreSQL: COPY out, msgspec, fold in a dict,
COPY in; in two processes each does half. On SQLite the standard library's driver. Medians of interleaved rounds.

`eventsourcing` does it with a tenth of the events, its runner with a hundredth: rates are compared.
Usage: python -m benchmarks.replay [EVENTS] [ROUNDS]
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import Connection, func, select, text

from benchmarks.blog import PostRecord, new_app
from benchmarks.databases import New, databases, libpq_url
from benchmarks.harness.arguments import numbers
from benchmarks.harness.figures import Round
from benchmarks.harness.results import LIMIT, OURS, Result, Results
from benchmarks.harness.rounds import interleaved
from sequent_sa import Sequent
from sequent_sa.replay.engine import Replay

RUNNER, READER = "eventsourcing, its runner", "eventsourcing, its reader by hand"
ONE_PROCESS, LIMIT_OF_TWO = "sequent_sa, 1 process", "by hand, 2 processes"
FEWER, FEWEST = 10, 100

app = Sequent(os.environ.get("SEQUENT_BENCHMARK_URL"), packages=["benchmarks.blog"], environment="test")
"""What worker processes import."""

_IDS = "lpad(to_hex(CAST(hashint8(i) AS bigint) & 2147483647), 8, '0') || lpad(to_hex(i), 24, '0')"
_TYPE = """CASE WHEN s = 1 THEN 'PostAdded' WHEN s % 3 = 2 THEN 'PostAuthorChanged'
                WHEN s % 3 = 0 THEN 'PostTitleChanged' ELSE 'PostWordsCounted' END"""
_DATA = """CASE WHEN s = 1 THEN '{}' WHEN s % 3 = 2 THEN '{"author": "ben"}'
                WHEN s % 3 = 0 THEN '{"title": "A title of twenty c"}' ELSE '{"words": ' || i || '}' END"""


class NoMigrations:
    """The view tables stay as they are."""

    version_table = "view_version"

    def upgrade(self, connection: Connection) -> None:
        """Nothing is pending."""


def fill(app: Sequent, events: int) -> None:
    """Store the events, by SQL: that is not what is measured."""
    app.register_types()
    on_postgresql = app.dialect.name == "postgresql"
    schema = "sequent_schema." if on_postgresql else ""
    with app.dialect.writing(app.engine) as connection, connection.begin():

        def run(statement: str) -> None:
            connection.exec_driver_sql(statement.replace("%", "%%") if on_postgresql else statement)

        run(f"""INSERT INTO {schema}commands (created_at, command_type_id, command_json)
                SELECT CURRENT_TIMESTAMP, min(id), '{{}}' FROM {schema}command_types""")
        posts = _numbers("i", events // 10, on_postgresql)
        numbers = _numbers("s", 10, on_postgresql)
        id_ = f"CAST({_IDS} AS uuid)" if on_postgresql else "printf('%08x%024x', (i * 2654435761) % 4294967296, i)"
        json = "CAST({} AS jsonb)" if on_postgresql else "{}"
        now = "now()" if on_postgresql else "'2026-01-01T00:00:00.000000+00:00'"
        run(f"""INSERT INTO {schema}aggregates (aggregate_id, aggregate_type_id, created_at)
                SELECT {id_}, t.id, {now} FROM {posts}, {schema}aggregate_types t WHERE t.type = 'Post'""")
        run(
            f"""INSERT INTO {schema}events
                (aggregate_id, partition_key, sequence_number, created_at, command_id, event_type_id, event_json)
                SELECT {id_}, '', s, {now}, (SELECT max(id) FROM {schema}commands), t.id, {json.format(_DATA)}
                  FROM {posts}, {numbers}, {schema}event_types t WHERE t.type = {_TYPE} ORDER BY 1, 3""".replace(
                "% 3", "% 3"
            )
        )
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ANALYZE {schema}events"))


def _numbers(name: str, highest: int, on_postgresql: bool) -> str:
    if on_postgresql:
        return f"generate_series(1, {highest}) AS {name}"
    step = f"SELECT {name} + 1 FROM c WHERE {name} < {highest}"
    return f"(WITH RECURSIVE c({name}) AS (SELECT 1 UNION ALL {step}) SELECT {name} FROM c)"


def ours(app: Sequent, workers: int, events: int) -> Round:
    """One replay: `run` is what is measured."""
    context = replace(app.replay_context(NoMigrations()), workers=workers, import_name="benchmarks.replay:app")
    replay = Replay.create(context, app.projectors)
    replay.prepare()
    begin = time.perf_counter()
    replay.run()
    seconds = time.perf_counter() - begin
    replay.optimize()
    replay.go_live()
    check(app, events)
    return Round(events, seconds)


def check(app: Sequent, events: int) -> None:
    """The rows are right."""
    with app.session() as session:
        found = session.execute(
            select(
                func.count(), func.count(PostRecord.title), func.count(PostRecord.author), func.sum(PostRecord.words)
            )
        ).one()
    posts = events // 10
    assert (posts, posts, posts, posts * (posts + 1) // 2) == tuple(found), found


class Author(msgspec.Struct):
    author: str


class Title(msgspec.Struct):
    title: str


class Words(msgspec.Struct):
    words: int


def fold(rows: Iterable[tuple[Any, str, Any]], types: Mapping[str, str]) -> dict[Any, list[Any]]:
    """The least that projects."""
    author = msgspec.json.Decoder(Author).decode
    title = msgspec.json.Decoder(Title).decode
    words = msgspec.json.Decoder(Words).decode
    found: dict[Any, list[Any]] = {}
    for id_, type_id, data in rows:
        name = types[type_id]
        if name == "PostAdded":
            found[id_] = [None, None, None]
        elif name == "PostAuthorChanged":
            found[id_][0] = author(data).author
        elif name == "PostTitleChanged":
            found[id_][1] = title(data).title
        else:
            found[id_][2] = words(data).words
    return found


def _fields(lines: Iterable[bytes | bytearray | memoryview]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        id_, type_id, data = bytes(line).rstrip(b"\n").decode().split("\t")
        yield id_, type_id, data


def by_hand_on_postgresql(url: str, where: str = "true") -> None:
    """COPY out, msgspec, fold, COPY in."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        types = {str(row[0]): row[1] for row in cursor.execute("SELECT id, type FROM sequent_schema.event_types")}
        statement = f"""COPY (SELECT aggregate_id, event_type_id, event_json::text FROM sequent_schema.events
                               WHERE {where} ORDER BY partition_key, aggregate_id, sequence_number) TO STDOUT"""
        with cursor.copy(statement.encode()) as copy:
            found = fold(_fields(copy), types)
        with cursor.copy("COPY by_hand (aggregate_id, author, title, words) FROM STDIN") as copy:
            for id_, values in found.items():
                copy.write_row((id_, *values))


def by_hand_in_two_processes(url: str) -> None:
    """Each does half of the ids."""
    middle = UUID(int=1 << 126)  # the ids of the benchmark begin with 31 random bits
    halves = (f"aggregate_id < '{middle}'", f"aggregate_id >= '{middle}'")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=by_hand_on_postgresql, args=(url, half)) for half in halves]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def by_hand_on_sqlite(path: str) -> None:
    """Read, msgspec, fold, executemany."""
    with sqlite3.connect(path) as connection:
        types = {row[0]: row[1] for row in connection.execute("SELECT id, type FROM event_types")}
        found = fold(
            connection.execute(
                "SELECT aggregate_id, event_type_id, event_json FROM events "
                "ORDER BY partition_key, aggregate_id, sequence_number"
            ),
            types,
        )
        connection.executemany(
            "INSERT INTO by_hand (aggregate_id, author, title, words) VALUES (?, ?, ?, ?)",
            ((id_, *values) for id_, values in found.items()),
        )
    connection.close()


def by_hand(app: Sequent, workers: int, events: int) -> Round:
    """Into an empty table with a primary key."""
    on_postgresql = app.dialect.name == "postgresql"
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.exec_driver_sql("DROP TABLE IF EXISTS by_hand")
        kind = "uuid" if on_postgresql else "char(32)"
        connection.exec_driver_sql(
            f"CREATE TABLE by_hand (aggregate_id {kind} PRIMARY KEY, author text, title text, words int)"
        )
    url = libpq_url(app.engine.url)
    begin = time.perf_counter()
    if not on_postgresql:
        by_hand_on_sqlite(str(app.engine.url.database))
    elif workers == 1:
        by_hand_on_postgresql(url)
    else:
        by_hand_in_two_processes(url)
    seconds = time.perf_counter() - begin
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(author), count(title), sum(words) FROM by_hand").one()
    posts = events // 10
    assert (posts, posts, posts * (posts + 1) // 2) == tuple(found), found
    return Round(events, seconds)


def main() -> None:
    """On both kinds of databases."""
    events, rounds = numbers(100_000, 3)
    results = Results()
    for database, new in databases():
        measure(results, database, new, events, rounds)


def measure(results: Results, database: str, new: New, events: int, rounds: int) -> None:
    """Add what W5 gives on one kind of database, in one process and in two."""
    url = new()
    os.environ["SEQUENT_BENCHMARK_URL"] = url
    on_postgresql = database == "postgresql"
    app = new_app(url)
    fill(app, events)
    subjects: dict[str, Callable[[], Round]] = {OURS: partial(ours, app, 2, events)}
    subjects[ONE_PROCESS] = partial(ours, app, 1, events)
    subjects[LIMIT] = partial(by_hand, app, 1, events)
    if on_postgresql:
        subjects[LIMIT_OF_TWO] = partial(by_hand, app, 2, events)
    with ExitStack() as stack:
        if on_postgresql and find_spec("eventsourcing") is not None:
            from benchmarks.subjects.eventsourcing_replay import Replays  # noqa: PLC0415 - may not be installed

            fewer, fewest = (Replays(new(), max(10, events // part)) for part in (FEWER, FEWEST))
            stack.callback(fewer.close)
            stack.callback(fewest.close)
            subjects |= {READER: fewer.by_reader, RUNNER: fewest.by_runner}
        found = interleaved(subjects, rounds)
    app.engine.dispose()
    command = f"python -m benchmarks.replay {events} {rounds}"
    one = {OURS: found[ONE_PROCESS], **{name: found[name] for name in (LIMIT, READER, RUNNER) if name in found}}
    results.add(Result("W5", database, "events", one, command))
    two = {OURS: found[OURS], ONE_PROCESS: found[ONE_PROCESS]}
    if on_postgresql:
        two[LIMIT] = found[LIMIT_OF_TWO]
    results.add(Result("W5, 2 processes", database, "events", two, command))


if __name__ == "__main__":
    main()
