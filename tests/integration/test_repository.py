"""Finding aggregates: one or many, each once, with errors that name what is missing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from sequent_sa import AggregateNotFound, AggregateRoot, AggregateTypeMismatch, NonUniqueAggregateId, Sequent, _clock
from sequent_sa.audit import CommandRecord, StreamRecord
from sequent_sa.tables import events
from tests.blog import AddComment, AddPost, Post, RenamePost, new_app
from tests.databases import PostgreSQLDatabases


class Draft(Post):
    """A kind of post."""


class Author(AggregateRoot):
    """Not a post."""


@pytest.fixture
def post_ids(app: Sequent) -> list[UUID]:
    """Three posts, not in the order of their ids."""
    ids = [app.new_uuid() for _ in range(3)]
    for id_ in ids:
        app.execute_commands(AddPost(aggregate_id=id_, author="ben", title=str(id_)))
    return [ids[2], ids[0], ids[1]]


def test_several_are_loaded_in_the_order_asked(
    app: Sequent, post_ids: list[UUID], caplog: pytest.LogCaptureFixture
) -> None:
    """Each once; nothing asked for is nothing. Those that are not known yet are asked for together."""
    wanted = [*post_ids, post_ids[0]]
    assert post_ids == [post.aggregate_id for post in app.repository.load_aggregates(wanted, Post)]
    assert [] == app.repository.load_aggregates([])
    with app.unit_of_work():
        known = app.repository.load_aggregate(post_ids[1], Post)
        with caplog.at_level(logging.DEBUG, "sequent_sa.dialects"):
            assert known is app.repository.load_aggregates(wanted, Post)[1]
            assert known is app.repository.load_aggregates([post_ids[1]])[0]
    assert 1 == len(caplog.messages)


def test_aggregates_are_found_by_their_ids(app: Sequent) -> None:
    """Which are UUIDs: their text and None are mistakes of whoever asks, and so is what is no aggregate."""
    repository, wrong = app.repository, [None, "", str(uuid4())]
    asking: list[Any] = [
        repository.load_aggregate,
        repository.find_aggregate,
        repository.contains_aggregate,
        repository.take_snapshot,
    ]
    for ask, id_ in product(asking, wrong):
        with pytest.raises(TypeError, match=f"by its id, a UUID, and not by {id_!r}"):
            ask(id_)
    nothing: Any = None
    with pytest.raises(TypeError, match="not iterable"):
        repository.load_aggregates(nothing)
    with app.unit_of_work(), pytest.raises(TypeError, match="an aggregate is needed, not None"):
        repository.add_aggregate(nothing)


def test_all_that_are_missing_are_named(app: Sequent, post_ids: list[UUID]) -> None:
    """In one error; whoever asks for those that exist gets them."""
    missing = [uuid4(), uuid4()]
    with pytest.raises(AggregateNotFound) as caught:
        app.repository.load_aggregates([missing[0], *post_ids, missing[1]])
    assert all(str(id_) in str(caught.value) for id_ in missing)
    assert not any(str(id_) in str(caught.value) for id_ in post_ids)


def test_the_class_that_is_expected_may_be_a_parent(app: Sequent, post_ids: list[UUID]) -> None:
    """An aggregate is one of its class and of the classes above, also when it is known already; of others it is not."""
    with app.unit_of_work():
        for _ in range(2):
            assert isinstance(app.repository.load_aggregate(post_ids[0], AggregateRoot), Post)
            for wrong in (Draft, Author):
                with pytest.raises(AggregateTypeMismatch, match=f"is a Post, not a {wrong.__name__}"):
                    app.repository.load_aggregate(post_ids[0], wrong)
    with app.unit_of_work() as unit:
        with pytest.raises(AggregateTypeMismatch):
            app.repository.load_aggregates(post_ids, Author)
        assert {} == unit.aggregates


def test_existence_can_be_asked_for(app: Sequent, post_ids: list[UUID]) -> None:
    """By an error, by None, or by yes and no; what was only added exists in its unit of work."""
    assert app.repository.ensure_exists(post_ids[0], Post)
    with pytest.raises(AggregateNotFound):
        app.repository.ensure_exists(uuid4())
    with pytest.raises(AggregateTypeMismatch):
        app.repository.ensure_exists(post_ids[0], Author)
    assert app.repository.find_aggregate(uuid4(), Post) is None
    with pytest.raises(AggregateTypeMismatch):
        app.repository.find_aggregate(post_ids[0], Author)
    with app.unit_of_work() as unit:
        author = Author(uuid4())
        app.repository.add_aggregate(author)
        app.repository.add_aggregate(author)
        assert app.repository.contains_aggregate(author.aggregate_id)
        with pytest.raises(NonUniqueAggregateId, match=str(author.aggregate_id)):
            app.repository.add_aggregate(Author(author.aggregate_id))
        assert author is unit.aggregates[author.aggregate_id]
    assert not app.repository.contains_aggregate(author.aggregate_id)


def test_an_aggregate_without_events_does_not_exist(app: Sequent, post_ids: list[UUID]) -> None:
    """Nor does one whose events were deleted."""
    assert app.repository.contains_aggregate(post_ids[0])
    app.erasure.permanently_delete_event_streams(post_ids[0])
    assert not app.repository.contains_aggregate(post_ids[0])
    assert app.repository.find_aggregate(post_ids[0]) is None


def test_events_are_stored_in_the_order_in_which_aggregates_were_touched(app: Sequent, post_ids: list[UUID]) -> None:
    """And are gone from the aggregates, which stay in the unit of work."""
    published: list[UUID] = []
    with app.unit_of_work() as unit:
        posts = app.repository.load_aggregates(post_ids, Post)
        for post in reversed(posts):
            post.rename(f"new {post.aggregate_id}")
        stored = app.repository.commit(AddComment(aggregate_id=post_ids[0], text="x"))
        published = [event.aggregate_id for event in stored]
        assert [(), (), ()] == [post.uncommitted_events for post in posts]
        assert posts[0] is app.repository.load_aggregate(post_ids[0])
        assert posts == list(unit.aggregates.values())
        assert [] == app.repository.commit(AddComment(aggregate_id=post_ids[0], text="nothing"))
    assert post_ids == published
    assert {3} == {app.repository.load_aggregate(id_).version for id_ in post_ids}


def test_an_aggregate_began_with_its_first_event(app: Sequent, post_ids: list[UUID]) -> None:
    """What is stored of it has that time, whenever its command was made."""
    app.execute_commands(RenamePost(aggregate_id=post_ids[0], title="later"))
    with app.session() as session:
        first = session.scalar(
            select(events.c.created_at).where(events.c.aggregate_id == post_ids[0], events.c.sequence_number == 1)
        )
        assert first == session.get_one(StreamRecord, post_ids[0]).created_at


def test_a_command_is_as_old_as_its_object(app: Sequent) -> None:
    """Whenever it is carried out; one without a moment is from now."""
    made = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with _clock.stopped(made):
        command = AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi")
    app.execute_commands(command)
    with app.session() as session:
        assert made == session.scalar(select(CommandRecord.created_at))
        assert all(moment > made for moment in session.scalars(select(events.c.created_at)))
    without: dict[str, Any] = {"created_at": None, "aggregate_id": app.new_uuid(), "title": "Ho"}
    before = datetime.now(UTC)
    app.execute_commands(command.evolve(**without))
    with app.session() as session:
        assert before <= session.scalars(select(CommandRecord.created_at).order_by(CommandRecord.id)).all()[-1]


def test_existence_is_looked_up_by_the_partition_key(postgresql_app: Sequent) -> None:
    """Asking whether an aggregate has events costs the same however many there are of others."""
    post_id = postgresql_app.new_uuid()
    postgresql_app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    seen: list[str] = []
    with postgresql_app.unit_of_work() as unit, unit.transaction.reading() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("LOAD 'auto_explain'")
        connection.exec_driver_sql("SET LOCAL auto_explain.log_min_duration = 0")
        connection.exec_driver_sql("SET LOCAL client_min_messages = log")
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.add_notice_handler(lambda notice: seen.append(notice.message_primary))
        assert postgresql_app.repository.contains_aggregate(post_id)
    (plan,) = [text for text in seen if "events_default" in text]
    assert "(partition_key = " in plan


@pytest.fixture
def postgresql_app(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    """The blog on PostgreSQL."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    yield app
    app.engine.dispose()
