"""W5 with `eventsourcing` on PostgreSQL: by its projection runner, and by its reader with the rows folded by hand."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from benchmarks.databases import libpq_url
from benchmarks.harness.figures import Round
from benchmarks.subjects.eventsourcing import OnEventsourcing, Post, environment
from benchmarks.subjects.subject import WORDS

_PORTION = 5_000
_ROWS = "CREATE TABLE IF NOT EXISTS {} (aggregate_id uuid PRIMARY KEY, author text, title text, words integer)"


class PostView(PostgresTrackingRecorder):  # type: ignore[misc]  # untyped where it is not installed
    """The table, changed in the transaction that says how far the projection came."""

    def write(self, statement: str, values: tuple[object, ...], tracking: Any) -> None:
        """One event."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement, values, prepare=True)


class PostProjection(Projection):  # type: ignore[misc]  # untyped where it is not installed
    """What its runner calls for each event."""

    name = "by_runner"

    def process_event(self, domain_event: Any, tracking: Any) -> None:
        """One statement for each event."""
        id_ = domain_event.originator_id
        if isinstance(domain_event, Post.Added):
            self.view.write("INSERT INTO by_runner (aggregate_id) VALUES (%s)", (id_,), tracking)
            return
        (column,) = _columns(domain_event)
        statement = f"UPDATE by_runner SET {column} = %s WHERE aggregate_id = %s"
        self.view.write(statement, (getattr(domain_event, column), id_), tracking)


class Replays:
    """A database with posts of ten events, and two ways to make their rows anew."""

    def __init__(self, url: str, events: int) -> None:
        self._url = url
        self._posts = events // 10
        self._subject = OnEventsourcing(url)
        self._subject.store([UUID(int=number) for number in range(1, self._posts + 1)], 10)

    def by_runner(self) -> Round:
        """Its projection runner, from the beginning to the last event."""
        self._empty("by_runner")
        self._run("DROP TABLE IF EXISTS by_runner_tracking")
        begin = time.perf_counter()
        arguments: dict[str, Any] = {
            "application_class": type(self._subject.app),
            "projection_class": PostProjection,
            "view_class": PostView,
            "env": environment(self._url, projecting=False, functions=False),
        }
        with ProjectionRunner(**arguments) as runner:
            last = self._subject.app.recorder.max_notification_id()
            runner.wait(last, timeout=3600)
            seconds = time.perf_counter() - begin
        return self._checked("by_runner", seconds)

    def by_reader(self) -> Round:
        """Its notifications in portions, its mapper, a dict, and COPY."""
        self._empty("by_reader")
        begin = time.perf_counter()
        recorder, mapper = self._subject.app.recorder, self._subject.app.mapper
        rows: dict[UUID, dict[str, object]] = {}
        position = 0
        while portion := recorder.select_notifications(position, _PORTION, inclusive_of_start=False):
            for each in portion:
                event = mapper.to_domain_event(each)
                row = rows.setdefault(event.originator_id, {"author": None, "title": None, "words": None})
                for column in _columns(event):
                    row[column] = getattr(event, column)
            position = portion[-1].id
        with (
            psycopg.connect(libpq_url(self._url)) as connection,
            connection.cursor() as cursor,
            cursor.copy("COPY by_reader (aggregate_id, author, title, words) FROM STDIN") as copy,
        ):
            for id_, row in rows.items():
                copy.write_row((id_, *row.values()))
        return self._checked("by_reader", time.perf_counter() - begin)

    def close(self) -> None:
        """Disconnect."""
        self._subject.close()

    def _checked(self, table: str, seconds: float) -> Round:
        with psycopg.connect(libpq_url(self._url)) as connection:
            found = connection.execute(f"SELECT count(author), count(title), sum(words) FROM {table}".encode())
            assert (self._posts, self._posts, WORDS * self._posts) == found.fetchone()
        return Round(10 * self._posts, seconds)

    def _empty(self, table: str) -> None:
        self._run(f"DROP TABLE IF EXISTS {table}")
        self._run(_ROWS.format(table))

    def _run(self, statement: str) -> None:
        with psycopg.connect(libpq_url(self._url), autocommit=True) as connection:
            connection.execute(statement.encode())


def _columns(event: Any) -> list[str]:
    return [name for name in ("author", "title", "words") if name in vars(event)]
