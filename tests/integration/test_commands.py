"""Commands in, events and records out, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from sequent_sa import (
    AggregateIsDetached,
    AggregateKeyNotUnique,
    AggregateNotFound,
    AggregateTypeMismatch,
    CommandHandler,
    CommandNotValid,
    HasUncommittedEvents,
    OptimisticLockingError,
    Sequent,
)
from sequent_sa.tables import aggregates, command_records, commands, event_records, events
from tests.blog import AddComment, AddPost, FailAfterRename, Post, PostRecord, RenamePost


def count(app: Sequent, what: object) -> int:
    """The number of rows of a table or record class."""
    with app.session() as session:
        return session.scalar(select(func.count()).select_from(what)) or 0  # type: ignore[arg-type]


def test_a_command_stores_its_events_and_writes_the_record(app: Sequent) -> None:
    """One command gives a command row, two events and a record."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with app.session() as session:
        record = session.scalars(select(PostRecord)).one()
        types = session.scalars(select(event_records.c.event_type).order_by(event_records.c.sequence_number)).all()
    assert (record.aggregate_id, record.author, record.title) == (post_id, "ben", "Hi")
    assert types == ["PostAdded", "PostTitleChanged"]
    assert count(app, commands) == 1


def test_an_aggregate_is_loaded_from_its_events(app: Sequent) -> None:
    """What was applied in several transactions is there after loading, each default list its own."""
    post_id, other_id = app.new_uuid(), app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    app.execute_commands(AddPost(aggregate_id=other_id, author="kim", title="Ho"))
    app.execute_commands(AddComment(aggregate_id=post_id, text="one"), AddComment(aggregate_id=post_id, text="two"))
    post = app.repository.load_aggregate(post_id, Post)
    assert (post.title, post.comments, post.version) == ("Hi", ["one", "two"], 4)
    assert app.repository.load_aggregate(other_id, Post).comments == []


def test_an_invalid_command_changes_nothing(app: Sequent) -> None:
    """The error names the attribute, and nothing is stored."""
    with pytest.raises(CommandNotValid) as caught:
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=" ", title="Hi"))
    assert list(caught.value.errors) == ["author"]
    assert count(app, events) == 0


@pytest.mark.parametrize("nothing", [None, "AddPost", AddPost], ids=["None", "name", "class"])
def test_what_is_no_command_is_refused(app: Sequent, nothing: Any) -> None:
    """With those that were given along with it; the error says what is needed."""
    good = AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi")
    with pytest.raises(TypeError, match="a command is needed, not"):
        app.execute_commands(good, nothing)
    with pytest.raises(TypeError, match="a command is needed, not"):
        app.dry_run(good, nothing)
    assert 0 == count(app, commands)


def test_form_parameters_are_validated_and_parsed(app: Sequent) -> None:
    """Raw text becomes a command; what is wrong comes back with the input."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost.from_params({"aggregate_id": str(post_id), "author": "ben", "title": "Hi"}))
    assert app.repository.load_aggregate(post_id, Post).author == "ben"
    with pytest.raises(CommandNotValid) as caught:
        app.execute_commands(AddPost.from_params({"aggregate_id": "nonsense", "author": "ben"}))
    assert {"aggregate_id", "title"} == set(caught.value.errors)
    assert caught.value.params["aggregate_id"] == "nonsense"


def test_all_commands_of_one_call_share_a_transaction(app: Sequent) -> None:
    """When the second command fails, the first leaves nothing behind."""
    post_id = app.new_uuid()
    with pytest.raises(RuntimeError, match="changed my mind"):
        app.execute_commands(
            AddPost(aggregate_id=post_id, author="ben", title="Hi"), FailAfterRename(aggregate_id=post_id, title="Ho")
        )
    assert (count(app, commands), count(app, events), count(app, PostRecord)) == (0, 0, 0)


def test_a_failing_command_undoes_its_changes(app: Sequent) -> None:
    """Neither events nor records of a failed command are there, and the next command works."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with pytest.raises(RuntimeError):
        app.execute_commands(FailAfterRename(aggregate_id=post_id, title="Ho"))
    app.execute_commands(AddComment(aggregate_id=post_id, text="still here"))
    assert app.repository.load_aggregate(post_id, Post).title == "Hi"


def test_a_command_that_changes_nothing_is_not_stored(app: Sequent) -> None:
    """Renaming to the present title applies no event, so there is no command row either."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    app.execute_commands(RenamePost(aggregate_id=post_id, title="Hi"))
    assert (count(app, commands), count(app, events)) == (1, 2)


def test_a_workflow_continues_in_the_same_transaction_with_the_cause(app: Sequent) -> None:
    """The command that a workflow issues comes behind those that wait, and points to the event that caused it."""
    post_id, other_id = app.new_uuid(), app.new_uuid()
    app.execute_commands(
        AddPost(aggregate_id=post_id, author="newcomer", title="Hi"),
        AddPost(aggregate_id=other_id, author="ben", title="Ho"),
    )
    with app.session() as session:
        causes = session.execute(
            select(
                command_records.c.command_type,
                command_records.c.event_aggregate_id,
                command_records.c.event_sequence_number,
            ).order_by(command_records.c.id)
        ).all()
        record = session.get_one(PostRecord, post_id)
    assert [tuple(cause) for cause in causes] == [
        ("AddPost", None, None),
        ("AddPost", None, None),
        ("AddComment", post_id, 1),
    ]
    assert record.comments == 1


def test_unknown_and_mistaken_aggregates_are_refused(app: Sequent) -> None:
    """An id nobody has, and an aggregate of another class, are errors that name it."""
    unknown = uuid4()
    with pytest.raises(AggregateNotFound, match=str(unknown)):
        app.execute_commands(RenamePost(aggregate_id=unknown, title="x"))
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))

    class Author(Post):
        pass

    with pytest.raises(AggregateTypeMismatch, match="is a Post, not a Author"):
        app.repository.load_aggregate(post_id, Author)
    handler = CommandHandler()
    handler.bind(app.repository)
    with pytest.raises(AggregateTypeMismatch, match="is a Post, not a Author"):
        handler.aggregate(RenamePost(aggregate_id=post_id, title="x"), Author)
    assert app.repository.find_aggregate(unknown) is None
    assert (app.repository.contains_aggregate(post_id), app.repository.contains_aggregate(unknown)) == (True, False)


def test_the_same_id_cannot_be_added_twice(app: Sequent) -> None:
    """A second aggregate with a stored id is refused by the database."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with pytest.raises(OptimisticLockingError, match=str(post_id)):
        app.execute_commands(AddPost(aggregate_id=post_id, author="kim", title="Ho"))
    assert app.repository.load_aggregate(post_id, Post).author == "ben"


def test_unique_keys_are_enforced_moved_and_found(app: Sequent) -> None:
    """A taken title is refused, a freed one can be taken, two posts can swap theirs in one call."""
    first, second = app.new_uuid(), app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=first, author="ben", title="Hi"))
    with pytest.raises(AggregateKeyNotUnique) as caught:
        app.execute_commands(AddPost(aggregate_id=second, author="kim", title="hI"))
    assert (caught.value.scope, caught.value.aggregate_type, caught.value.aggregate_id) == (
        "post_title",
        "Post",
        second,
    )
    with pytest.raises(AggregateKeyNotUnique):  # though it is a projector that has the first command sent
        app.execute_commands(
            AddPost(aggregate_id=second, author="kim", title="hI"), AddComment(aggregate_id=second, text="one")
        )
    app.execute_commands(
        RenamePost(aggregate_id=first, title="Ho"), AddPost(aggregate_id=second, author="k", title="Hi")
    )
    found = app.repository.find_aggregate_by_unique_key("post_title", {"title": "hi"}, Post)
    assert found is not None
    assert found.aggregate_id == second
    assert app.repository.find_aggregate_by_unique_key("post_title", {"title": "nobody"}) is None


def test_an_aggregate_outside_a_unit_of_work_is_for_reading(app: Sequent) -> None:
    """Its apply raises and says what to do; loading it twice gives two objects."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    post = app.repository.load_aggregate(post_id, Post)
    with pytest.raises(AggregateIsDetached, match="unit_of_work"):
        post.rename("Ho")
    assert post is not app.repository.load_aggregate(post_id, Post)


def test_inside_a_unit_of_work_an_id_is_one_object(app: Sequent) -> None:
    """Two loads give the same instance, and forgotten events are an error."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with app.unit_of_work():
        assert app.repository.load_aggregate(post_id, Post) is app.repository.load_aggregate(post_id, Post)
    with pytest.raises(HasUncommittedEvents, match=str(post_id)), app.unit_of_work():
        app.repository.load_aggregate(post_id, Post).rename("Ho")
    assert app.repository.load_aggregate(post_id, Post).title == "Hi"


def test_an_aggregate_can_be_seen_as_it_was(app: Sequent) -> None:
    """Loading until a moment leaves out that moment's events and later ones."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    app.execute_commands(RenamePost(aggregate_id=post_id, title="Ho"))
    with app.session() as session:
        moments = session.scalars(select(events.c.created_at).order_by(events.c.sequence_number)).all()
    assert app.repository.load_aggregate(post_id, Post, until=moments[-1]).title == "Hi"
    assert app.repository.load_aggregate(post_id, Post, until=datetime.now(UTC) + timedelta(days=1)).title == "Ho"
    with pytest.raises(AggregateNotFound):
        app.repository.load_aggregate(post_id, Post, until=moments[0])
    with pytest.raises(ValueError, match="timezone"):
        app.repository.load_aggregate(post_id, Post, until=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


def test_events_read_back_are_equal(app: Sequent) -> None:
    """What was applied and what is loaded are equal events, at full time precision, however many a command has."""
    for number in (2, 3, 10, 11, 40):
        post_id = app.new_uuid()
        command = AddPost(aggregate_id=post_id, author="b'en\n\"", title=f"Hi ☃ {number}")
        with app.unit_of_work() as unit:
            post = Post(command)
            for comment in range(2, number):
                post.comment(f'{comment} {{"\\,')
            app.repository.add_aggregate(post)
            applied = app.repository.commit(command)
        with app.unit_of_work() as unit:
            ((_, loaded),) = app.event_store.load(unit.transaction, [post_id])
        assert applied == loaded
        assert [event.created_at for event in applied] == [event.created_at for event in loaded]
        assert list(range(1, number + 1)) == [event.sequence_number for event in loaded]


def test_a_command_can_be_stored_without_events(app: Sequent) -> None:
    """By whoever calls the store itself; nothing else is."""
    command = AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi")
    with app.unit_of_work() as unit:
        app.event_store.append(unit.transaction, command, [])
    assert [1, 0, 0] == [count(app, table) for table in (commands, events, aggregates)]
