"""W1, W2 and W4: transactions of one client, each durable, beside the least that does the same work by hand.

Medians of interleaved rounds; on PostgreSQL the work by hand is a function of the database and libpq's pipeline, on
SQLite it is the standard library's driver. Usage: python -m benchmarks.append [TRANSACTIONS A ROUND]
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import func, make_url, select, text

from benchmarks._blog import AddPost, CountWords, Post, PostRecord, new_app, without_projection
from benchmarks._databases import urls
from sequent_sa import Sequent
from sequent_sa.tables import events

TRANSACTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
ROUNDS = 7
EVENTS = ("PostAdded", "PostAuthorChanged", "PostTitleChanged", "PostWordsCounted")
PAYLOADS = ("{}", '{"author":"ben"}', '{"title":"A title of twenty c"}', '{"words":1}')
COMMAND = '{"author":"ben","title":"A title of twenty c","words":1}'

_APPEND = """
CREATE FUNCTION benchmark_append(_id uuid, _first integer, _type text, _command jsonb, _events jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE _command_id bigint; _stored integer;
BEGIN
    INSERT INTO sequent_schema.commands (created_at, aggregate_id, command_type_id, command_json)
    SELECT now(), _id, t.id, _command FROM sequent_schema.command_types t WHERE t.type = _type
    RETURNING id INTO _command_id;
    IF _first = 1 THEN
        INSERT INTO sequent_schema.aggregates (aggregate_id, aggregate_type_id)
        SELECT _id, t.id FROM sequent_schema.aggregate_types t WHERE t.type = 'Post';
    ELSE
        PERFORM FROM sequent_schema.aggregates WHERE aggregate_id = _id FOR NO KEY UPDATE;
        SELECT max(sequence_number) INTO _stored FROM sequent_schema.events
         WHERE partition_key = '' AND aggregate_id = _id;
        ASSERT _stored = _first - 1;
    END IF;
    INSERT INTO sequent_schema.events
           (aggregate_id, partition_key, sequence_number, created_at, command_id, event_type_id, event_json)
    SELECT _id, '', _first + e.number - 1, now(), _command_id, t.id, e.event->1
      FROM jsonb_array_elements(_events) WITH ORDINALITY AS e (event, number)
      JOIN sequent_schema.event_types t ON t.type = e.event->>0;
END $$"""

_LOAD = """
SELECT t.type, e.sequence_number, e.created_at, e.event_json::text FROM sequent_schema.events e
  JOIN sequent_schema.event_types t ON t.id = e.event_type_id
 WHERE e.partition_key = '' AND e.aggregate_id = %s ORDER BY e.sequence_number"""

Work = Callable[[UUID], object]


class ByHandOnPostgreSQL:
    """One function call, and what goes with it in a pipeline."""

    def __init__(self, app: Sequent) -> None:
        with app.engine.begin() as connection:
            connection.execute(text(_APPEND))
        url = make_url(app.engine.url).set(drivername="postgresql")
        self._connection = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def add(self, id_: UUID) -> None:
        """W1."""
        events_ = "[" + ",".join(f'["{name}",{data}]' for name, data in zip(EVENTS, PAYLOADS, strict=True)) + "]"
        self._call(id_, 1, "AddPost", COMMAND, events_)

    def count(self, id_: UUID) -> None:
        """W2."""
        rows = self._connection.execute(_LOAD, (id_,)).fetchall()
        read = [msgspec.json.decode(row[3]) for row in rows]
        self._call(id_, len(read) + 1, "CountWords", '{"words":1}', '[["PostWordsCounted",{"words":1}]]')

    def add_and_project(self, id_: UUID) -> None:
        """W4."""
        with self._connection.pipeline():
            self._connection.execute("BEGIN")
            self.add(id_)
            self._connection.execute("INSERT INTO view_schema.post_records (aggregate_id) VALUES (%s)", (id_,))
            for change in ("author = 'ben'", "title = 'A title of twenty c'", "words = 1"):
                self._connection.execute(
                    f"UPDATE view_schema.post_records SET {change} WHERE aggregate_id = %s",
                    (id_,),
                )
            self._connection.execute("COMMIT")

    def _call(self, *values: object) -> None:
        self._connection.execute("SELECT benchmark_append(%s, %s, %s, %s::jsonb, %s::jsonb)", values)


class ByHandOnSQLite:
    """The standard library's driver, with prepared text."""

    def __init__(self, app: Sequent) -> None:
        self._connection = sqlite3.connect(str(app.engine.url.database), isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def add(self, id_: UUID) -> None:
        """W1."""
        with self._transaction():
            self._append(id_, 1, "AddPost", COMMAND, list(zip(EVENTS, PAYLOADS, strict=True)))

    def count(self, id_: UUID) -> None:
        """W2."""
        with self._transaction():
            query = _LOAD.replace("sequent_schema.", "").replace("::text", "").replace("%s", "?")
            rows = self._connection.execute(query, (id_.hex,)).fetchall()
            read = [msgspec.json.decode(row[3]) for row in rows]
            self._append(id_, len(read) + 1, "CountWords", '{"words":1}', [("PostWordsCounted", '{"words":1}')])

    def add_and_project(self, id_: UUID) -> None:
        """W4."""
        with self._transaction():
            self._append(id_, 1, "AddPost", COMMAND, list(zip(EVENTS, PAYLOADS, strict=True)))
            self._connection.execute("INSERT INTO post_records (aggregate_id) VALUES (?)", (id_.hex,))
            for change in ("author = 'ben'", "title = 'A title of twenty c'", "words = 1"):
                self._connection.execute(f"UPDATE post_records SET {change} WHERE aggregate_id = ?", (id_.hex,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        yield
        self._connection.execute("COMMIT")

    def _append(self, id_: UUID, first: int, type_: str, command: str, stored: list[tuple[str, str]]) -> None:
        now = datetime.now(UTC).isoformat()
        run = self._connection.execute
        added = run(
            "INSERT INTO commands (created_at, aggregate_id, command_type_id, command_json) "
            "VALUES (?, ?, (SELECT id FROM command_types WHERE type = ?), ?)",
            (now, id_.hex, type_, command),
        )
        if first == 1:
            run(
                "INSERT INTO aggregates (aggregate_id, aggregate_type_id, created_at) "
                "VALUES (?, (SELECT id FROM aggregate_types WHERE type = 'Post'), ?)",
                (id_.hex, now),
            )
        self._connection.executemany(
            "INSERT INTO events (aggregate_id, sequence_number, created_at, command_id, event_type_id, event_json) "
            "VALUES (?, ?, ?, ?, (SELECT id FROM event_types WHERE type = ?), ?)",
            [(id_.hex, first + n, now, added.lastrowid, name, data) for n, (name, data) in enumerate(stored)],
        )


def timed(work: Work, ids: list[UUID]) -> float:
    """Microseconds a transaction."""
    begin = time.perf_counter()
    for id_ in ids:
        work(id_)
    return (time.perf_counter() - begin) / len(ids) * 1e6


def compare(label: str, name: str, ours: Work, by_hand: Work, ids: Callable[[], list[UUID]]) -> None:
    """Print both medians and their ratio."""
    took: dict[Work, list[float]] = {ours: [], by_hand: []}
    for round_ in range(ROUNDS + 1):
        for work, times in took.items():
            spent = timed(work, ids())
            if round_:  # the first is for warming up
                times.append(spent)
    ours_us, limit_us = statistics.median(took[ours]), statistics.median(took[by_hand])
    print(
        f"{label:<4}{name:<11} {ours_us:>8,.0f} us  by hand {limit_us:>8,.0f} us  {limit_us / ours_us:.2f} of the limit"
    )


def main() -> None:
    for name, url in urls():
        app = new_app(url)

        def add(id_: UUID, app: Sequent = app) -> None:
            app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="A title of twenty c", words=1))

        def count(id_: UUID, app: Sequent = app) -> None:
            app.execute_commands(CountWords(aggregate_id=id_, words=1))

        def new_ids(app: Sequent = app) -> list[UUID]:
            return [app.new_uuid() for _ in range(TRANSACTIONS)]

        warm = app.new_uuid()
        add(warm)
        count(warm)
        hand = ByHandOnPostgreSQL(app) if name == "postgresql" else ByHandOnSQLite(app)
        with closing(hand):
            compare("W4", name, add, hand.add_and_project, new_ids)
            with app.session() as session:
                rows = session.scalar(select(func.count()).select_from(PostRecord).where(PostRecord.words == 1))
                assert rows == 2 * (ROUNDS + 1) * TRANSACTIONS + 1
                assert session.scalar(select(func.count()).select_from(events)) == 4 * rows + 1
            without_projection(app)
            compare("W1", name, add, hand.add, new_ids)
            # Aggregates that have 10 events when they are loaded.
            fresh = iter([app.new_uuid() for _ in range(2 * (ROUNDS + 1) * TRANSACTIONS)])

            def of_ten(fresh: Iterator[UUID] = fresh, app: Sequent = app, add: Work = add) -> list[UUID]:
                ids = [next(fresh) for _ in range(TRANSACTIONS)]
                app.execute_commands(
                    *(AddPost(aggregate_id=id_, author="ben", title="A title of twenty c", words=1) for id_ in ids),
                    *(CountWords(aggregate_id=id_, words=n) for n in range(6) for id_ in ids),
                )
                return ids

            compare("W2", name, count, hand.count, of_ten)
            assert app.repository.load_aggregate(warm, Post).version == 5
        app.engine.dispose()


if __name__ == "__main__":
    main()
