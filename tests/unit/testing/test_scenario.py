"""The `sequent` fixture: what a command does, told as a story."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from sequent_sa import AggregateRoot, CommandNotValid, ConfigurationError, Event, Sequent
from sequent_sa.exceptions import AggregateKeyNotUnique, AggregateNotFound, UnitOfWorkError
from sequent_sa.matchers import gt, has_attrs, is_a
from sequent_sa.testing import SequentFixture, like
from tests.blog import AddComment, AddPost, CommentAdded, Post, PostAdded, PostTitleChanged, RenamePost, new_app


class Unhandled(Event):
    pass


class Titled(Event):
    """Has the attributes of another event."""

    title: str


@pytest.fixture
def app() -> Sequent:
    return new_app("sqlite://")


@pytest.fixture
def scenario(app: Sequent) -> SequentFixture:
    return SequentFixture(app)


def add(id_: UUID, title: str = "Hi") -> AddPost:
    return AddPost(aggregate_id=id_, author="Ben", title=title)


def test_events_are_compared_by_class_by_value_and_by_matcher(scenario: SequentFixture) -> None:
    """A class, an event whose header does not count, and a matcher each stand for an event."""
    id_ = uuid4()
    scenario.when_command(add(id_))
    scenario.then_events(PostAdded, has_attrs(PostTitleChanged, title="Hi"))
    scenario.then_events(
        [PostAdded(aggregate_id=uuid4(), sequence_number=7, author="Ben"), like(PostTitleChanged(id_, 1, title="Hi"))]
    )
    scenario.then_events(is_a(Event), is_a(PostTitleChanged))
    with pytest.raises(AssertionError, match="event 1 of 2: expected Event, got PostAdded"):
        scenario.then_events(Event, Event)
    with pytest.raises(AssertionError, match="event 2 of 2: expected Titled, got PostTitleChanged"):
        scenario.then_events(PostAdded, Titled(id_, 2, title="Hi"))


def test_history_is_given_for_several_aggregates(scenario: SequentFixture) -> None:
    """Streams, lists and single events may be mixed, also in several steps; commands find the aggregates."""
    one, two = uuid4(), uuid4()
    scenario.given_events(
        scenario.stream(one).add(PostAdded, author="Ben"),
        [PostAdded(two, 1, author="Kim"), PostTitleChanged(two, 2, title="Two")],
        PostTitleChanged(one, 2, title="One"),
    )
    scenario.given_events(CommentAdded(one, 3, text="nice"))
    with pytest.raises(AggregateKeyNotUnique, match="post_title"):  # what came before goes on counting
        scenario.when_command(add(uuid4(), "one"))
    scenario.when_command(RenamePost(aggregate_id=one, title="One"), RenamePost(aggregate_id=two, title="Zwei"))
    scenario.then_events(has_attrs(PostTitleChanged, title="Zwei", sequence_number=3))
    scenario.when_command(AddComment(aggregate_id=two, text="x"))
    scenario.then_events(CommentAdded)  # and nothing of the command before
    scenario.given_events(CommentAdded(two, 5, text="y"))
    scenario.then_no_events()
    assert scenario.repository.load_aggregate(one, Post).comments == ["nice"]


@pytest.mark.parametrize("nothing", [None, [None], 7], ids=["None", "list", "number"])
def test_history_is_made_of_events(scenario: SequentFixture, nothing: Any) -> None:
    """Anything else is a mistake in the test, and nothing of it is stored."""
    with pytest.raises(TypeError, match="an event is needed"):
        scenario.given_events(nothing)


def test_keys_of_given_events_are_taken(scenario: SequentFixture) -> None:
    """A unique key of the history refuses a command, as in production; the store stays as it was."""
    scenario.given_events(scenario.stream(uuid4()).add(PostAdded, author="Ben").add(PostTitleChanged, title="Taken"))
    with pytest.raises(AggregateKeyNotUnique, match="post_title"):
        scenario.when_command(add(uuid4(), "taken"))
    scenario.then_no_events()


def test_nothing_is_expected(scenario: SequentFixture) -> None:
    """A command that changes nothing stores nothing."""
    id_ = uuid4()
    scenario.given_events(scenario.stream(id_).add(PostAdded, author="Ben").add(PostTitleChanged, title="Hi"))
    scenario.when_command(RenamePost(aggregate_id=id_, title="Hi"))
    scenario.then_no_events()
    assert scenario.stored_events == []


def test_the_first_difference_is_shown(scenario: SequentFixture) -> None:
    """The message names the event by its place, the attribute, and both values; the lists come last."""
    scenario.when_command(add(uuid4()))
    with pytest.raises(AssertionError) as difference:
        scenario.then_events(PostAdded, PostTitleChanged(uuid4(), 2, title="Ho"))
    assert str(difference.value) == (
        "event 2 of 2: PostTitleChanged differs\n  title: expected 'Ho', got 'Hi'\n"
        "  expected: PostAdded, PostTitleChanged\n  actual:   PostAdded, PostTitleChanged"
    )


def test_another_class_is_a_difference(scenario: SequentFixture) -> None:
    """A class, and a matcher, that do not fit name what there is."""
    scenario.when_command(add(uuid4()))
    with pytest.raises(AssertionError, match=r"event 1 of 2: expected CommentAdded, got PostAdded\("):
        scenario.then_events(CommentAdded, PostTitleChanged)
    with pytest.raises(AssertionError, match=r"event 2 of 2: .* does not match has_attrs\(PostTitleChanged, sequence"):
        scenario.then_events(PostAdded, has_attrs(PostTitleChanged, sequence_number=gt(2)))


def test_too_few_and_too_many_are_a_difference(scenario: SequentFixture) -> None:
    """The numbers and the names of both sides are shown."""
    scenario.when_command(add(uuid4()))
    with pytest.raises(AssertionError, match="expected 1 event, got 2\n  expected: PostAdded\n  actual:   PostAdded, "):
        scenario.then_events(PostAdded)
    with pytest.raises(AssertionError, match="expected 3 events, got 2"):
        scenario.then_events(PostAdded, PostTitleChanged, PostTitleChanged)
    with pytest.raises(AssertionError, match="expected 0 events, got 2\n  expected: none"):
        scenario.then_no_events()


def test_messages_are_compared_before_their_number(scenario: SequentFixture) -> None:
    """The first that differs tells more than that there is one too many."""
    scenario.when_command(add(uuid4()))
    with pytest.raises(AssertionError, match="event 1 of 2: expected CommentAdded"):
        scenario.then_events(CommentAdded, PostTitleChanged, PostTitleChanged)


@pytest.mark.parametrize("nonsense", ["PostAdded", 3, int, Post])
def test_what_is_no_expectation_is_refused(scenario: SequentFixture, nonsense: object) -> None:
    """A mistake in the test is not taken for an event that differs."""
    scenario.when_command(add(uuid4()))
    with pytest.raises(ConfigurationError, match="cannot be compared with a message"):
        scenario.then_events(nonsense)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] # on purpose


def test_an_event_that_nobody_handles_cannot_begin_a_history(scenario: SequentFixture) -> None:
    """Whose first event it is cannot be known."""
    with pytest.raises(ConfigurationError, match="no aggregate handles Unhandled"):
        scenario.given_events(Unhandled(uuid4(), 1))


def test_forgetting_what_comes_then_fails(scenario: SequentFixture) -> None:
    """A scenario that looks at nothing is no test, whether the command stored something or not."""
    id_ = uuid4()
    scenario.when_command(add(id_))
    with pytest.raises(AssertionError, match="does not look at what AddPost stored"):
        scenario.finish()
    scenario.then_events(PostAdded, PostTitleChanged)
    scenario.finish()
    scenario.when_command(AddComment.from_params({"aggregate_id": str(id_), "text": "x"}))
    with pytest.raises(AssertionError, match="does not look at what AddComment stored"):
        scenario.finish()


def test_a_command_that_fails_needs_no_then(scenario: SequentFixture) -> None:
    """Errors come as they come in production, and leave nothing behind."""
    with pytest.raises(CommandNotValid):
        scenario.when_command(add(uuid4(), ""))
    with pytest.raises(AggregateNotFound):
        scenario.when_command(RenamePost(aggregate_id=uuid4(), title="x"))
    scenario.finish()
    scenario.then_no_events()


def test_time_can_be_frozen(scenario: SequentFixture) -> None:
    """Events, commands and streams have the moment at which the clock was stopped."""
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    scenario.freeze_time(moment)
    id_ = uuid4()
    scenario.when_command(add(id_))
    assert {event.created_at for event in scenario.stored_events} == {moment}
    assert {event.created_at for event in scenario.stream(id_).add(PostAdded, author="x")} == {moment}
    with pytest.raises(ValueError, match="has no timezone"):
        scenario.freeze_time(datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose


def test_there_is_no_database(scenario: SequentFixture, app: Sequent) -> None:
    """What needs one says which fixture to use."""
    with scenario._units.open() as unit, pytest.raises(UnitOfWorkError, match="sequent_projector"):  # pyright: ignore[reportPrivateUsage]
        unit.transaction.reading()
    assert issubclass(Post, AggregateRoot)
