"""The limit on SQLite: the standard library's driver, as durable as sequent_sa (WAL, synchronous=FULL)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import make_url

from benchmarks.subjects.plain_post import COMMAND, COUNT, EVENTS, PlainPost
from benchmarks.subjects.sequent import OnSequent
from benchmarks.subjects.subject import AUTHOR, TITLE, WORDS, Counts

_COMMAND = """
INSERT INTO commands (created_at, aggregate_id, command_type_id, command_json)
VALUES (?, ?, (SELECT id FROM command_types WHERE type = ?), ?)"""
_AGGREGATE = """
INSERT INTO aggregates (aggregate_id, aggregate_type_id, created_at)
VALUES (?, (SELECT id FROM aggregate_types WHERE type = 'Post'), ?)"""
_EVENT = """
INSERT INTO events (aggregate_id, sequence_number, created_at, command_id, event_type_id, event_json)
VALUES (?, ?, ?, ?, (SELECT id FROM event_types WHERE type = ?), ?)"""
_LOAD = """
SELECT t.type, e.sequence_number, e.created_at, e.event_json FROM events e
  JOIN event_types t ON t.id = e.event_type_id
 WHERE e.partition_key = '' AND e.aggregate_id = ? ORDER BY e.sequence_number"""

_VIEW = (
    ("INSERT INTO post_records (aggregate_id) VALUES (?)", ()),
    ("UPDATE post_records SET author = ? WHERE aggregate_id = ?", (AUTHOR,)),
    ("UPDATE post_records SET title = ? WHERE aggregate_id = ?", (TITLE,)),
    ("UPDATE post_records SET words = ? WHERE aggregate_id = ?", (WORDS,)),
)


class ByHandOnSQLite:
    """A `Subject` on the tables of sequent_sa. The primary key of the events is its check of the version."""

    def __init__(self, url: str, *, projecting: bool = False, new: bool = True) -> None:
        self._same_tables = OnSequent(url, projecting=projecting, new=new)
        self._projecting = projecting
        self._connection = sqlite3.connect(str(make_url(url).database), isolation_level=None, timeout=30)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def add(self, id_: UUID) -> None:
        with self._transaction():
            self._append(id_, 1, "AddPost", COMMAND, EVENTS)
            if self._projecting:
                for statement, values in _VIEW:
                    self._connection.execute(statement, (*values, id_.hex))

    def count(self, id_: UUID) -> None:
        with self._transaction():
            self._append(id_, self.load(id_) + 1, "CountWords", COUNT, EVENTS[-1:])

    def load(self, id_: UUID) -> int:
        return PlainPost(self._connection.execute(_LOAD, (id_.hex,)).fetchall()).version

    def store(self, ids: Sequence[UUID], events: int) -> None:
        self._same_tables.store(ids, events)

    def counts(self) -> Counts:
        return self._same_tables.counts()

    def close(self) -> None:
        self._same_tables.close()
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        yield
        self._connection.execute("COMMIT")

    def _append(self, id_: UUID, first: int, type_: str, command: str, stored: Sequence[tuple[str, str]]) -> None:
        now = datetime.now(UTC).isoformat()
        added = self._connection.execute(_COMMAND, (now, id_.hex, type_, command))
        if first == 1:
            self._connection.execute(_AGGREGATE, (id_.hex, now))
        self._connection.executemany(
            _EVENT,
            [(id_.hex, first + n, now, added.lastrowid, name, data) for n, (name, data) in enumerate(stored)],
        )
