"""The checker finds what is wrong with a store."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import Executable, delete, update

from sequent_sa import Sequent
from sequent_sa.tables import aggregate_unique_keys, events
from tests.blog import AddComment, AddPost, PostRecord
from tests.faults.checker import check_store
from tests.faults.workload import Attempt, Outcome

POST = UUID(int=1)
COMMENT = (events.c.aggregate_id == POST) & (events.c.sequence_number == 3)


@pytest.fixture
def blog(app: Sequent) -> Sequent:
    """With a post that has two comments."""
    app.execute_commands(AddPost(aggregate_id=POST, author="ben", title="<post>"))
    for mark in ("<a>", "<b>"):
        app.execute_commands(AddComment(aggregate_id=POST, text=mark))
    return app


def test_what_is_right_is_not_complained_about(blog: Sequent) -> None:
    """Also when nobody knows."""
    check_store(blog, [Attempt("<a>", "acknowledged"), Attempt("<b>", "unknown"), Attempt("<c>", "unknown")])
    check_store(blog, [Attempt("<c>", "refused")])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (delete(events).where(COMMENT), r"has the events \[1, 2, 4\]"),
        (update(events).where(COMMENT).values(event_json='{"text": "<b>"}'), "<b>. is in 2 events|<b> is in 2 events"),
        (delete(aggregate_unique_keys), "the key is None"),
        (update(aggregate_unique_keys).values(key='{"title":"x"}'), "the key is {'title': 'x'}"),
        (update(PostRecord).values(comments=1), "the record is"),
        (delete(PostRecord), "the record is None"),
    ],
)
def test_damage_is_found(blog: Sequent, damage: Executable, says: str) -> None:
    """Of events, keys and records."""
    with blog.dialect.writing(blog.engine) as connection, connection.begin():
        connection.execute(damage)
    with pytest.raises(AssertionError, match=says):
        check_store(blog)


@pytest.mark.parametrize(("mark", "outcome"), [("<a>", "refused"), ("<c>", "acknowledged")])
def test_what_was_said_is_compared(blog: Sequent, mark: str, outcome: Outcome) -> None:
    """With what there is."""
    with pytest.raises(AssertionError, match="is there"):
        check_store(blog, [Attempt(mark, outcome)])


def test_a_command_without_events_is_found(blog: Sequent) -> None:
    """No command of the blog leaves one."""
    with blog.dialect.writing(blog.engine) as connection, connection.begin():
        connection.execute(delete(events).where(COMMENT))
    with pytest.raises(AssertionError, match="commands without events: 0 expected, 1 stored"):
        check_store(blog)


def test_a_damaged_index_is_found(blog: Sequent) -> None:
    """As PostgreSQL's amcheck and SQLite's own check see it: one that no longer agrees with its table."""
    with blog.engine.connect() as connection:
        if blog.dialect.name == "sqlite":
            connection.exec_driver_sql("CREATE INDEX by_title ON post_records (title)")
            connection.exec_driver_sql("PRAGMA writable_schema = on")
            connection.exec_driver_sql("UPDATE sqlite_schema SET sql = replace(sql, '(title)', '(author)')")
        else:
            same = "CREATE OR REPLACE FUNCTION same(text) RETURNS text IMMUTABLE LANGUAGE sql AS"
            connection.exec_driver_sql(f"{same} 'SELECT $1'")
            connection.exec_driver_sql("CREATE INDEX by_title ON view_schema.post_records (same(title))")
            connection.exec_driver_sql(f"{same} 'SELECT $1 || $1'")
        connection.commit()
    blog.engine.dispose()
    with pytest.raises(AssertionError, match="by_title"):
        check_store(blog)
