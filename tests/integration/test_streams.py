"""Reading the events of one aggregate, and finding aggregates."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from sequent_sa import AggregateNotFound, Sequent
from tests.blog import AddComment, AddPost, CommentAdded, Post, PostAdded, RenamePost


def add_post(app: Sequent, title: str, comments: int = 0) -> UUID:
    """Add a post with comments."""
    id_ = app.new_uuid()
    added = AddPost(aggregate_id=id_, author="ben", title=title)
    app.execute_commands(added, *(AddComment(aggregate_id=id_, text=str(number)) for number in range(comments)))
    return id_


def test_one_event_can_be_loaded(app: Sequent) -> None:
    """By its aggregate and number; there is none for others."""
    id_ = add_post(app, "Hi", comments=9)
    assert isinstance(app.event_log.load_event(id_, 1), PostAdded)
    last = app.event_log.load_event(id_, 11)
    assert isinstance(last, CommentAdded)
    assert (last.text, last.sequence_number, last.aggregate_id) == ("8", 11, id_)
    assert [None, None] == [app.event_log.load_event(id_, 12), app.event_log.load_event(app.new_uuid(), 1)]


def test_events_of_one_aggregate_are_streamed_in_order(app: Sequent) -> None:
    """Also behind the ninth, and none of another aggregate."""
    id_ = add_post(app, "Hi", comments=20)
    add_post(app, "Other", comments=1)
    streamed = list(app.event_log.stream_events(id_))
    assert [event.sequence_number for event in streamed] == list(range(1, 23))
    assert {event.aggregate_id for event in streamed} == {id_}
    rebuilt = app.repository.load_aggregate(id_, Post)
    assert [event.text for event in streamed if isinstance(event, CommentAdded)] == rebuilt.comments


def test_a_stream_ends_before_a_moment(app: Sequent) -> None:
    """An event of that very moment is not part of it; before the first there is nothing."""
    id_ = add_post(app, "Hi")
    app.execute_commands(RenamePost(aggregate_id=id_, title="Ho"))
    first, second, third = app.event_log.stream_events(id_)
    until = app.event_log.stream_events
    assert list(until(id_, until=third.created_at)) == [first, second]
    assert list(until(id_, until=third.created_at + timedelta(microseconds=1))) == [first, second, third]
    assert list(until(id_, until=datetime(2000, 1, 1, tzinfo=UTC))) == []
    with pytest.raises(ValueError, match="has no timezone"):
        next(until(id_, until=datetime(2000, 1, 1)))  # noqa: DTZ001 - on purpose
    with pytest.raises(AggregateNotFound):
        next(until(app.new_uuid()))


def test_a_stream_is_that_of_one_moment(app: Sequent) -> None:
    """What is stored while somebody reads does not change what he reads, and does not have to wait."""
    id_ = add_post(app, "Hi", comments=5)
    stream = app.event_log.stream_events(id_)
    first = next(stream)
    app.execute_commands(AddComment(aggregate_id=id_, text="late"))
    assert [first.sequence_number, *(event.sequence_number for event in stream)] == list(range(1, 8))


def test_a_long_stream_needs_little_memory(app: Sequent) -> None:
    """Ten times as many events need no more memory while they are read one by one."""

    def peak(id_: UUID) -> int:
        tracemalloc.start()
        number = sum(1 for _ in app.event_log.stream_events(id_))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert number > 1_500
        return highest

    short, long = (long_stream(app, f"{number}", number) for number in (1_600, 16_000))
    peak(short)  # what is compiled once stays
    assert peak(long) < peak(short) * 1.5


def long_stream(app: Sequent, title: str, number: int) -> UUID:
    """A post with many events."""
    id_ = add_post(app, title)
    text = "x" * 100
    with app.unit_of_work():
        post = app.repository.load_aggregate(id_, Post)
        for _ in range(number):
            post.comment(text)
        app.repository.commit(AddComment(aggregate_id=id_, text=text))
    return id_


def test_aggregates_are_found_by_their_class(app: Sequent, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, in order, page by page; of a class that has none there are none."""
    monkeypatch.setattr("sequent_sa.event_log._IDS_A_PAGE", 3)
    ids = sorted(add_post(app, f"{number}") for number in range(8))
    assert list(app.event_log.aggregate_ids()) == ids
    assert list(app.event_log.aggregate_ids(Post)) == ids
    assert all(first < second for first, second in pairwise(app.event_log.aggregate_ids(Post)))
    other: type[Post] = type("Other", (Post,), {"__module__": __name__})
    assert list(app.event_log.aggregate_ids(other)) == []
