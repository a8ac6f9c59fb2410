"""Long operations hold a bounded number of rows, however many there are."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, func, insert, literal, select, update

from sequent_sa import Sequent
from sequent_sa.audit import CommandRecord
from sequent_sa.cli.audit import show_since
from sequent_sa.cli.record_lines import show_tree
from sequent_sa.cli.reporting import Report
from sequent_sa.replay import rehearsal
from sequent_sa.replay.drift import verify
from sequent_sa.tables import aggregates, events, partition_key_changes
from tests.blog import AddComment, AddPost, Post, PostProjector, PostRecord, new_app
from tests.databases import Database
from tests.integration.test_replay import context

ROWS_A_PAGE = 25  # more than there are tables
MANY = 60
PAGES = (
    "sequent_sa.audit._RECORDS_A_PAGE",
    "sequent_sa.partitions._CHANGES_A_PAGE",
    "sequent_sa.replay.drift._ROWS_IN_MEMORY",
    "sequent_sa.event_store.load._ROWS_IN_MEMORY",
)

counted: list[int] = []
"""How many rows each statement gave to this process at once. Those that come a page at a time are not among them."""


class SQLiteCursor(sqlite3.Cursor):
    def fetchall(self) -> list[Any]:
        rows = super().fetchall()
        counted.append(len(rows))
        return rows


class SQLiteConnection(sqlite3.Connection):
    def cursor(self, factory: Any = SQLiteCursor) -> Any:
        return super().cursor(factory)


class PostgreSQLCursor(psycopg.Cursor[Any]):
    def execute(self, *args: Any, **options: Any) -> PostgreSQLCursor:
        super().execute(*args, **options)
        counted.append(self.rowcount if self.description else 0)
        return self


@pytest.fixture
def app(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sequent]:
    """The blog on counting cursors, with small pages."""
    for page in PAGES:
        monkeypatch.setattr(page, ROWS_A_PAGE)
    app = new_app(database.url)
    if database.is_postgresql:
        event.listen(app.engine, "connect", lambda driver, _: setattr(driver, "cursor_factory", PostgreSQLCursor))
    else:
        event.listen(app.engine, "do_connect", lambda *given: given[3].update(factory=SQLiteConnection))
    app.create_all()
    yield app
    app.engine.dispose()


def add_posts(app: Sequent) -> UUID:
    """Many posts, one of which has many comments: as many by one command, and as many by one each."""
    ids = [app.new_uuid() for _ in range(MANY)]
    first = ids[0]
    app.execute_commands(
        *(AddPost(aggregate_id=id_, author="newcomer", title=str(id_)) for id_ in ids),
        *(AddComment(aggregate_id=first, text="one") for _ in range(MANY)),
    )
    with app.unit_of_work():
        post = app.repository.load_aggregate(first, Post)
        for _ in range(MANY):
            post.comment("of many")
        app.repository.commit(AddComment(aggregate_id=first, text="all"))
    return first


def audit(app: Sequent) -> int:
    """Of the command that stored many events; returns how many events were alive at once."""
    alive: list[int] = []

    class Watching(Report):
        def say(self, data: Mapping[str, Any], *parts: Any) -> None:
            alive.append(len(session.identity_map))

    with app.session() as session:
        latest = select(func.max(CommandRecord.id))
        show_tree(Watching(), session, session.get_one(CommandRecord, session.scalar(latest)), app.type_names)
    assert MANY + 1 == len(alive)
    return max(alive)


def compare(app: Sequent) -> None:
    """Every row differs."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(PostRecord).values(author="by hand"))
    number = verify(context(app), [PostProjector], lambda _: None, lambda _: None, lambda _: None)
    assert MANY == number


def rehearse(app: Sequent) -> None:
    """Groups of ten events."""
    done = rehearsal.rehearse(context(app), [PostProjector], lambda _: None, lambda _: None)
    assert {"post_records": MANY} == done.rows


def move(app: Sequent) -> None:
    """All aggregates say another partition key."""
    names = ("aggregate_id", "old_partition_key", "new_partition_key")
    change = select(aggregates.c.aggregate_id, aggregates.c.events_partition_key, literal("new"))
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(insert(partition_key_changes).from_select(names, change))
    assert MANY == app.partitions.update_keys(1_000)


def test_no_operation_holds_all_rows(app: Sequent, capsys: pytest.CaptureFixture[str]) -> None:
    """No statement gives more than a page to the process at once, while it is about more."""
    with app.engine.connect() as connection:
        mark = app.dialect.position_mark(connection)
    first = add_posts(app)
    with app.engine.connect() as connection:
        stored = connection.scalar(select(func.count()).select_from(events))
    long: Mapping[str, Callable[[], object]] = {
        "follow": lambda: show_since(app, Report(), (), mark),
        "rehearse": lambda: rehearse(app),
        "move": lambda: move(app),
        "verify": lambda: compare(app),
        "erase": lambda: app.erasure.erase(first),
    }
    assert ROWS_A_PAGE + 1 >= audit(app)  # and the command
    most: dict[str, int] = {}
    for name, work in long.items():
        counted.clear()
        capsys.readouterr()
        work()
        most[name] = max(counted, default=0)
        if name == "follow":
            assert stored == len(capsys.readouterr().out.splitlines())
    assert {} == {name: number for name, number in most.items() if number > ROWS_A_PAGE}


def test_a_chain_of_commands_takes_no_stack(app: Sequent) -> None:
    """It may be as long as it likes: each command was caused by an event of the one before."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="newcomer", title="Hi"))
    found: list[tuple[object, int]] = []

    class Watching(Report):
        def say(self, data: Mapping[str, Any], *parts: Any) -> None:
            found.append((data.get("command_type", data.get("event_type")), len(inspect.stack(0))))

    with app.session() as session:
        show_tree(Watching(), session, session.get_one(CommandRecord, 1), app.type_names)
    (_, commands), (_, events_) = found[:2]
    expected = [("AddPost", commands), ("PostAdded", events_), ("AddComment", commands), ("CommentAdded", events_)]
    assert [*expected, ("PostTitleChanged", events_)] == found
