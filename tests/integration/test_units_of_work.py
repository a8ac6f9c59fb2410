"""One unit of work around several calls: nested, read-only, and what of it is nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import QueuePool, select
from sqlalchemy.exc import DBAPIError

from sequent_sa import AggregateIsDetached, Sequent, UnitOfWorkError
from sequent_sa.execution.workflow import Workflow
from tests.blog import AddComment, Post, PostRecord, RenamePost
from tests.databases import Database
from tests.integration.callers import Note, add, new_app, post, stored


def test_a_nested_unit_of_work_is_the_outer_one(app: Sequent) -> None:
    """It ends with the outer one: nothing is committed in between, and hooks wait. It begins when something is read."""
    command, called = add(app), list[str]()
    with app.unit_of_work() as outer:
        assert isinstance(app.engine.pool, QueuePool)
        assert 0 == app.engine.pool.checkedout()
        with app.unit_of_work() as inner:
            assert inner is outer
            inner.after_commit.append(lambda: called.append("committed"))
            app.execute_commands(command)
        assert (stored(app), called) == ((0, 0), [])
        found = app.repository.load_aggregate(command.aggregate_id, Post)
        with app.unit_of_work():
            assert found is app.repository.load_aggregate(command.aggregate_id, Post)
    assert (stored(app), called) == ((2, 1), ["committed"])


def test_what_fails_in_a_nested_unit_of_work_fails_the_outer_one(app: Sequent) -> None:
    """Also when somebody catches the error."""
    called: list[str] = []
    with pytest.raises(UnitOfWorkError, match="nothing of it can be committed"), app.unit_of_work() as unit:  # noqa: PT012
        unit.after_rollback.append(lambda: called.append("rolled back"))
        app.execute_commands(add(app))
        with pytest.raises(ZeroDivisionError), app.unit_of_work():
            raise ZeroDivisionError
    assert (stored(app), called) == ((0, 0), ["rolled back"])


def test_a_read_only_unit_of_work_reads(app: Sequent) -> None:
    """Any write in it is refused by the database, also nested, and afterwards writing works again."""
    command = add(app)
    app.execute_commands(command)
    with app.unit_of_work(read_only=True):
        found = app.repository.load_aggregate(command.aggregate_id, Post)
        with app.unit_of_work(read_only=True), app.unit_of_work():
            assert found is app.repository.load_aggregate(command.aggregate_id, Post)
            assert app.repository.contains_aggregate(command.aggregate_id)

    def write_nested() -> None:
        with app.unit_of_work(read_only=True), app.unit_of_work():
            app.execute_commands(add(app, "Ho"))

    for _ in range(2):
        with pytest.raises(UnitOfWorkError, match="this transaction can only read") as caught:
            write_nested()
        assert isinstance(caught.value.__cause__, DBAPIError)
    app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="Ho"))
    assert (post(app, command.aggregate_id).title, stored(app)) == ("Ho", (3, 1))


def test_a_read_only_unit_of_work_cannot_begin_inside_of_another(app: Sequent) -> None:
    """What has been written there could not be taken back."""
    with (
        app.unit_of_work(),
        pytest.raises(UnitOfWorkError, match="a unit of work that may write is open"),
        app.unit_of_work(read_only=True),
    ):
        raise AssertionError("never here")


def test_a_read_only_session_reads(database: Database) -> None:
    """Whatever it would write is refused, in a savepoint too, and sessions after it can write."""
    app = new_app(database.url)
    with app.session(read_only=True) as session:
        assert session.scalars(select(PostRecord)).all() == []
        with pytest.raises(DBAPIError, match=r"read-only|readonly"), session.begin_nested():
            session.add(Note(id=1))
        session.rollback()
        session.add(Note(id=2))
        with pytest.raises(DBAPIError, match=r"read-only|readonly"):
            session.flush()
    for _ in range(2):
        with app.session() as session, session.begin():
            session.add(Note(id=len(session.scalars(select(Note)).all())))
    with app.session(read_only=True) as session:
        assert session.scalars(select(Note.id).order_by(Note.id)).all() == [0, 1]
    app.engine.dispose()


def test_an_aggregate_as_it_was_is_not_part_of_the_unit_of_work(app: Sequent) -> None:
    """Neither found nor remembered there, and nothing can be applied to it."""
    command = add(app)
    app.execute_commands(command)
    soon = datetime.now(UTC) + timedelta(hours=1)
    with app.unit_of_work() as unit:
        before = app.repository.load_aggregate(command.aggregate_id, Post, until=soon)
        assert unit.aggregates == {}
        now = app.repository.load_aggregate(command.aggregate_id, Post)
        assert now is not app.repository.load_aggregate(command.aggregate_id, Post, until=soon)
        with pytest.raises(AggregateIsDetached):
            before.rename("Ho")


def test_hooks_outside_of_any_unit_of_work(app: Sequent) -> None:
    """One for after the commit runs at once, in a hook for example; one for after a rollback never does."""
    called: list[str] = []
    workflow = Workflow()
    workflow.bind(app.command_service, app._units)
    with app.unit_of_work():
        workflow.after_commit(lambda: workflow.after_commit(lambda: called.append("in a hook")))
        assert called == []
    workflow.after_commit(lambda: called.append("at once"))
    workflow.after_rollback(lambda: called.append("never"))
    workflow.after_commit(lambda: 1 // 0, ignore_errors=True)
    assert called == ["in a hook", "at once"]


def test_the_same_instance_may_be_added_again(app: Sequent) -> None:
    """And what one command loaded is what the next one changes."""
    command = add(app)
    with app.unit_of_work():
        app.execute_commands(command)
        found = app.repository.load_aggregate(command.aggregate_id, Post)
        app.repository.add_aggregate(found)
        app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="one"))
        assert (found.comments, found.uncommitted_events) == (["one"], ())
    assert post(app, command.aggregate_id).comments == ["one"]
