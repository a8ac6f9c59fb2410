"""Workflows: in the transaction of the events, and after it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import select, text

from sequent_sa import OptimisticLockingError, PublishEventError, Sequent, UnitOfWorkError, Workflow, on
from sequent_sa.matchers import has_attrs
from sequent_sa.replay.engine import Replay
from sequent_sa.tables import command_records
from tests.blog import (
    AddComment,
    AddPost,
    CommentAdded,
    Post,
    PostAdded,
    PostCommandHandler,
    PostProjector,
    PostTitleChanged,
)
from tests.databases import Database
from tests.integration.test_replay import context


class Steps(Workflow):
    """Says what happens, and makes more happen: what, the title of a post tells."""

    steps: ClassVar[list[str]] = []
    app: ClassVar[Sequent]

    def comment(self, event: PostTitleChanged | CommentAdded, words: str) -> None:
        self.execute_commands(AddComment(aggregate_id=event.aggregate_id, text=words))

    @on(has_attrs(PostTitleChanged, title="order"))
    def in_order(self, event: PostTitleChanged) -> None:
        self.after_commit(lambda: self.comment(event, "after the commit"))
        self.comment(event, "in the transaction")

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        self.steps.append(event.text)
        if event.text == "after the commit":
            self.after_commit(lambda: self.comment(event, "after the second commit"))

    @on(has_attrs(PostTitleChanged, title="hooks"))
    def hooks(self, event: PostTitleChanged) -> None:
        self.after_commit(lambda: self.steps.append("first"))
        self.after_commit(self.fail, ignore_errors=True)
        self.after_commit(lambda: self.steps.append("second"))
        self.after_commit(self.fail)
        self.after_commit(lambda: self.steps.append("never"))
        self.after_rollback(lambda: self.steps.append("rolled back"))

    @on(has_attrs(PostTitleChanged, title="rollback"))
    def rollback(self, event: PostTitleChanged) -> None:
        self.after_commit(lambda: self.steps.append("committed"))
        self.after_rollback(lambda: self.steps.append("rolled back"))
        self.after_rollback(self.fail)
        exists = self.app.repository.contains_aggregate
        self.after_rollback(lambda: self.steps.append(f"exists: {exists(event.aggregate_id)}"))
        raise RuntimeError("no")

    @on(has_attrs(PostTitleChanged, title="later rollback"))
    def later_rollback(self, event: PostTitleChanged) -> None:
        def later() -> None:
            self.steps.append("committed")
            self.execute_commands(AddPost(aggregate_id=event.aggregate_id, author="ben", title="twice"))

        self.after_commit(later)

    @on(has_attrs(PostTitleChanged, title="nested"))
    def nested(self, event: PostTitleChanged) -> None:
        def undo() -> None:
            raise RuntimeError("undone")

        try:
            with self._units.current().handling(PostAdded(event.aggregate_id, 99, author="x")):
                undo()
        except RuntimeError:
            comment: Any = AddComment(aggregate_id=event.aggregate_id, text="caused by the title")
            self.execute_commands(comment.evolve(event_aggregate_id=UUID(int=1), event_sequence_number=7))

    @on(has_attrs(PostTitleChanged, title="sql"))
    def sql(self, event: PostTitleChanged) -> None:
        with self.connection() as connection:
            stored = connection.scalar(select(command_records.c.command_type))
            connection.execute(text("INSERT INTO notes (words) VALUES (:words)"), {"words": stored})

    @on(has_attrs(PostTitleChanged, title="bad sql"))
    def bad_sql(self, event: PostTitleChanged) -> None:
        with self.connection() as connection:
            connection.execute(text("INSERT INTO notes (nowhere) VALUES (1)"))

    @on(has_attrs(PostTitleChanged, title="late sql"))
    def late_sql(self, event: PostTitleChanged) -> None:
        def late() -> None:
            with self.connection():
                self.steps.append("never")

        self.after_commit(late)

    def fail(self) -> None:
        raise ValueError("my words")


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The blog with this workflow."""
    app = Sequent(
        database.url,
        command_handlers=[PostCommandHandler],
        projectors=[PostProjector],
        workflows=[Steps],
        environment="test",
    )
    app.create_all()
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(text("CREATE TABLE notes (words text)"))
    Steps.app = app
    Steps.steps.clear()
    yield app
    app.engine.dispose()


def add(app: Sequent, title: str) -> UUID:
    """Add a post, whose title tells the workflow what to do."""
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title=title))
    return id_


def causes(app: Sequent) -> list[tuple[str, UUID | None, int | None]]:
    """The commands that are stored, with the events that caused them."""
    columns = command_records.c
    with app.session() as session:
        found = session.execute(
            select(columns.command_type, columns.event_aggregate_id, columns.event_sequence_number).order_by(columns.id)
        )
        return [(type_, aggregate_id, number) for type_, aggregate_id, number in found]


def test_what_follows_now_comes_before_what_follows_the_commit(app: Sequent) -> None:
    """A hook's commands have a transaction of their own, hooks too, and no event that caused them."""
    id_ = add(app, "order")
    assert ["in the transaction", "after the commit", "after the second commit"] == Steps.steps
    assert [
        ("AddPost", None, None),
        ("AddComment", id_, 2),
        ("AddComment", None, None),
        ("AddComment", None, None),
    ] == causes(app)


def test_an_error_in_a_hook_stops_those_behind_it_unless_it_is_ignored(
    app: Sequent, caplog: pytest.LogCaptureFixture
) -> None:
    """It reaches the caller; what was committed stays; an ignored one is logged as a warning."""
    with caplog.at_level(logging.INFO, "sequent_sa"), pytest.raises(ValueError, match="my words"):
        add(app, "hooks")
    assert ["first", "second"] == Steps.steps
    (record,) = caplog.records
    assert (logging.WARNING, "the after-commit hook Steps.fail failed: ValueError") == (
        record.levelno,
        record.getMessage(),
    )
    assert ("Steps.fail", "ValueError") == (vars(record)["hook"], vars(record)["error"])
    assert len(causes(app)) == 1


def test_after_a_rollback_other_hooks_run(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """Once the transaction is gone; the error that caused it is the one to be seen, whatever hooks do."""
    with caplog.at_level(logging.INFO, "sequent_sa"), pytest.raises(PublishEventError, match="RuntimeError: no"):
        add(app, "rollback")
    assert ["rolled back", "exists: False"] == Steps.steps
    assert ["the after-rollback hook Steps.fail failed: ValueError"] == caplog.messages
    assert [] == causes(app)


def test_a_command_of_a_hook_that_fails_undoes_nothing_of_the_first(app: Sequent) -> None:
    """Its transaction is another one."""
    with pytest.raises(OptimisticLockingError):
        add(app, "later rollback")
    assert ["committed"] == Steps.steps
    assert [("AddPost", None, None)] == causes(app)


def test_the_event_at_hand_is_the_one_before_again_after_an_error(app: Sequent) -> None:
    """One that fails inside of another leaves no event behind as a cause; a cause that somebody gave is overwritten."""
    id_ = add(app, "nested")
    assert [("AddPost", None, None), ("AddComment", id_, 2)] == causes(app)


def test_workflows_do_not_run_in_a_replay(app: Sequent) -> None:
    """Mails are not sent twice."""
    add(app, "order")
    Steps.steps.clear()
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    replay.run()
    replay.optimize()
    replay.go_live()
    assert [] == Steps.steps
    assert app.repository.load_aggregate(add(app, "next"), Post).title == "next"


def test_sql_of_a_workflow_is_committed_with_the_events(app: Sequent) -> None:
    """It sees what the command stored, and is undone with it; it says so where there is no transaction."""
    add(app, "sql")
    with pytest.raises(PublishEventError, match="Steps failed on PostTitleChanged"):
        app.execute_commands(
            AddPost(aggregate_id=app.new_uuid(), author="ben", title="another"),
            AddPost(aggregate_id=app.new_uuid(), author="ben", title="rollback"),
        )
    with pytest.raises(PublishEventError, match=r"Steps failed on PostTitleChanged .*nowhere"):
        add(app, "bad sql")
    with pytest.raises(UnitOfWorkError, match="no unit of work is open"):
        add(app, "late sql")
    with app.session() as session:
        assert ["AddPost"] == session.scalars(text("SELECT words FROM notes")).all()
    assert ["rolled back", "exists: False"] == Steps.steps
    assert 2 == len(causes(app))


def test_all_workflows_are_listed(app: Sequent) -> None:
    """One is found by its name among them."""
    assert [Steps] == [workflow for workflow in app.workflows if workflow.__name__ == "Steps"]
