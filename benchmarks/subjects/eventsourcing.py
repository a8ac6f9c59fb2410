"""The posts of the benchmark on `eventsourcing`, as its documentation does it: default recorder, or DB functions.

It stores no commands. Where the view row has to be in the same transaction (W4), the recorder's own hook for that
writes it, which goes into its pipeline on PostgreSQL; with DB functions there is no such hook.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder
from sqlalchemy import make_url

from benchmarks.subjects.subject import AUTHOR, TITLE, WORDS, Counts

VERSION = version("eventsourcing")

_VIEW = (
    ("INSERT INTO post_records (aggregate_id) VALUES (%s)", ()),
    ("UPDATE post_records SET author = %s WHERE aggregate_id = %s", (AUTHOR,)),
    ("UPDATE post_records SET title = %s WHERE aggregate_id = %s", (TITLE,)),
    ("UPDATE post_records SET words = %s WHERE aggregate_id = %s", (WORDS,)),
)
_TABLE = "CREATE TABLE IF NOT EXISTS post_records (aggregate_id {} PRIMARY KEY, author text, title text, words integer)"
_RIGHT = f"SELECT count(*) AS n FROM post_records WHERE author = '{AUTHOR}' AND title = '{TITLE}' AND words = {WORDS}"


class Post(Aggregate):  # type: ignore[misc]  # untyped where it is not installed
    """The same four events."""

    @event("Added")  # type: ignore[untyped-decorator]  # as above
    def __init__(self, id_: UUID) -> None:
        self.author = ""
        self.title = ""
        self.words = 0

    @staticmethod
    def create_id(id_: UUID) -> UUID:
        """The id is given, as with the other subjects."""
        return id_

    @event("AuthorChanged")  # type: ignore[untyped-decorator]  # as above
    def change_author(self, author: str) -> None:
        self.author = author

    @event("TitleChanged")  # type: ignore[untyped-decorator]  # as above
    def change_title(self, title: str) -> None:
        self.title = title

    @event("WordsCounted")  # type: ignore[untyped-decorator]  # as above
    def count_words(self, words: int) -> None:
        self.words = words


class ProjectingOnPostgreSQL(PostgresApplicationRecorder):  # type: ignore[misc]  # untyped where it is not installed
    """Writes the view row in the transaction of the events."""

    def _insert_events(self, curs: Any, stored_events: Sequence[Any], **_: Any) -> None:
        for statement, values in _VIEW:
            curs.execute(statement, (*values, stored_events[0].originator_id), prepare=True)


class ProjectingOnSQLite(SQLiteApplicationRecorder):  # type: ignore[misc]  # untyped where it is not installed
    """Writes the view row in the transaction of the events."""

    def _insert_events(self, c: Any, stored_events: Sequence[Any], **kwargs: Any) -> Any:
        returned = super()._insert_events(c, stored_events, **kwargs)
        for statement, values in _VIEW:
            c.execute(statement.replace("%s", "?"), (*values, stored_events[0].originator_id.hex))
        return returned


class OnEventsourcing:
    """A `Subject`."""

    def __init__(self, url: str, *, projecting: bool = False, new: bool = True, functions: bool = False) -> None:
        # Processes that create functions at the same time get in each other's way.
        found = environment(url, projecting=projecting, functions=functions) | {"CREATE_TABLE": "yes" if new else "no"}
        self.app = Application(env=found)
        self._postgresql = make_url(url).get_backend_name() == "postgresql"
        if not self._postgresql:
            self._refuse_less_durable()
        if new:
            self._run(_TABLE.format("uuid" if self._postgresql else "text"))

    def add(self, id_: UUID) -> None:
        self.app.save(self._new(id_))

    def count(self, id_: UUID) -> None:
        post = self.app.repository.get(id_)
        post.count_words(WORDS)
        self.app.save(post)

    def load(self, id_: UUID) -> int:
        found: int = self.app.repository.get(id_).version
        return found

    def store(self, ids: Sequence[UUID], events: int) -> None:
        for id_ in ids:
            post = self._new(id_)
            for _ in range(events - 4):
                post.count_words(WORDS)
            self.app.save(post)

    def counts(self) -> Counts:
        stored = f"SELECT count(*) AS n FROM {self.app.recorder.events_table_name}"
        return Counts(self._run(stored), self._run(_RIGHT))

    def close(self) -> None:
        self.app.close()

    @staticmethod
    def _new(id_: UUID) -> Any:
        post = Post(id_)
        post.change_author(AUTHOR)
        post.change_title(TITLE)
        post.count_words(WORDS)
        return post

    def _refuse_less_durable(self) -> None:
        found: list[str] = []
        with self.app.recorder.datastore.transaction(commit=True) as cursor:
            for pragma in ("journal_mode", "synchronous"):
                cursor.execute(f"PRAGMA {pragma}")
                found.append(str(cursor.fetchone()[0]))
        assert found == ["wal", "2"], f"not as durable as the others, which have WAL and synchronous=FULL: {found}"

    def _run(self, statement: str) -> int:
        datastore = self.app.recorder.datastore
        if not self._postgresql:
            with datastore.transaction(commit=True) as cursor:
                cursor.execute(statement)
                return int((cursor.fetchone() or {"n": 0})["n"])
        with datastore.get_connection() as connection:
            cursor = connection.execute(statement)
            return int(cursor.fetchone()["n"]) if cursor.description else 0


def environment(url: str, *, projecting: bool, functions: bool) -> dict[str, str]:
    """What says where the events are stored, and how."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        recorder, found = ProjectingOnSQLite, {"PERSISTENCE_MODULE": "eventsourcing.sqlite"}
        found["SQLITE_DBNAME"] = str(place.database)
    else:
        recorder = ProjectingOnPostgreSQL
        found = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(place.database),
            "POSTGRES_HOST": str(place.query.get("host") or place.host),
            "POSTGRES_PORT": str(place.port or 5432),
            "POSTGRES_USER": str(place.username),
            "POSTGRES_PASSWORD": place.password or "none",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "yes" if functions else "no",
        }
    if projecting:
        found["APPLICATION_RECORDER_TOPIC"] = f"{recorder.__module__}:{recorder.__name__}"
    return found
