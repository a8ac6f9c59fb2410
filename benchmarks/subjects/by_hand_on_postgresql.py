"""The limit on PostgreSQL: one call of a function in autocommit, and what goes with it in one pipeline of libpq."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg

from benchmarks.databases import libpq_url
from benchmarks.subjects.plain_post import COMMAND, COUNT, EVENTS, PlainPost
from benchmarks.subjects.sequent import OnSequent
from benchmarks.subjects.subject import AUTHOR, TITLE, WORDS, Counts

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

_CALL = "SELECT benchmark_append(%s, %s, %s, %s::jsonb, %s::jsonb)"

_LOAD = """
SELECT t.type, e.sequence_number, e.created_at, e.event_json::text FROM sequent_schema.events e
  JOIN sequent_schema.event_types t ON t.id = e.event_type_id
 WHERE e.partition_key = '' AND e.aggregate_id = %s ORDER BY e.sequence_number"""

_VIEW = (
    ("INSERT INTO view_schema.post_records (aggregate_id) VALUES (%s)", ()),
    ("UPDATE view_schema.post_records SET author = %s WHERE aggregate_id = %s", (AUTHOR,)),
    ("UPDATE view_schema.post_records SET title = %s WHERE aggregate_id = %s", (TITLE,)),
    ("UPDATE view_schema.post_records SET words = %s WHERE aggregate_id = %s", (WORDS,)),
)


class ByHandOnPostgreSQL:
    """A `Subject` on the tables of sequent_sa."""

    def __init__(self, url: str, *, projecting: bool = False, new: bool = True) -> None:
        self._same_tables = OnSequent(url, projecting=projecting, new=new)
        self._projecting = projecting
        self._connection = psycopg.connect(libpq_url(url), autocommit=True)
        if new:
            self._connection.execute(_APPEND)

    def add(self, id_: UUID) -> None:
        if not self._projecting:
            self._append(id_, 1, "AddPost", COMMAND, EVENTS)
            return
        with self._connection.pipeline():
            self._connection.execute("BEGIN")
            self._append(id_, 1, "AddPost", COMMAND, EVENTS)
            for statement, values in _VIEW:
                self._connection.execute(statement, (*values, id_))
            self._connection.execute("COMMIT")

    def count(self, id_: UUID) -> None:
        self._append(id_, self.load(id_) + 1, "CountWords", COUNT, EVENTS[-1:])

    def load(self, id_: UUID) -> int:
        return PlainPost(self._connection.execute(_LOAD, (id_,)).fetchall()).version

    def store(self, ids: Sequence[UUID], events: int) -> None:
        self._same_tables.store(ids, events)

    def counts(self) -> Counts:
        return self._same_tables.counts()

    def close(self) -> None:
        self._same_tables.close()
        self._connection.close()

    def _append(self, id_: UUID, first: int, type_: str, command: str, stored: Sequence[tuple[str, str]]) -> None:
        self._connection.execute(
            _CALL, (id_, first, type_, command, "[" + ",".join(f'["{name}",{data}]' for name, data in stored) + "]")
        )
