"""Contexts and versions of commands, from the call to whatever follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import pytest

from sequent_sa import (
    Command,
    CommandHandler,
    CommandNotValid,
    NotBlank,
    OptimisticLockingError,
    PublishEventError,
    Sequent,
    UpdateCommand,
    Workflow,
    on,
    when,
)
from tests.blog import AddComment, AddPost, CommentAdded, Post
from tests.databases import Database


class Announce(Command):
    words: Annotated[str | None, when("strict", NotBlank())] = None


class RenameSeen(UpdateCommand):
    title: str


class Announcer(CommandHandler):
    @on(RenameSeen)
    def rename(self, command: RenameSeen) -> None:
        self.aggregate(command, Post).rename(command.title)


class AnnounceComments(Workflow):
    @on(CommentAdded)
    def announce(self, event: CommentAdded) -> None:
        self.execute_commands(Announce(aggregate_id=event.aggregate_id))


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = Sequent(
        database.url,
        packages=["tests.blog"],
        command_handlers=[Announcer],
        workflows=[AnnounceComments],
        environment="test",
    )
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.fixture
def post_id(app: Sequent) -> UUID:
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="Hi"))
    return id_


def test_commands_of_workflows_are_validated_in_the_contexts_of_the_call(app: Sequent, post_id: UUID) -> None:
    """They fail there, and everything is rolled back; outside of the context they pass."""
    comment = AddComment(aggregate_id=post_id, text="nice")
    with pytest.raises((CommandNotValid, PublishEventError), match="words: Cannot be blank"):
        app.execute_commands(comment, validation_contexts=["strict"])
    assert app.repository.load_aggregate(post_id, Post).comments == []
    app.execute_commands(comment, validation_contexts=["other"])
    assert app.repository.load_aggregate(post_id, Post).comments == ["nice"]


def test_contexts_end_with_the_call(app: Sequent, post_id: UUID) -> None:
    """Also when it failed, and inside of a unit of work."""
    with pytest.raises(CommandNotValid):
        app.execute_commands(Announce(aggregate_id=post_id), validation_contexts=["strict"])
    with app.unit_of_work():
        with pytest.raises(CommandNotValid):
            app.execute_commands(Announce(aggregate_id=post_id), validation_contexts=["strict"])
        app.execute_commands(Announce(aggregate_id=post_id))
    app.execute_commands(AddComment(aggregate_id=post_id, text="nice"))
    assert app.repository.load_aggregate(post_id, Post).comments == ["nice"]


def test_an_update_is_refused_when_the_aggregate_has_moved_on(app: Sequent, post_id: UUID) -> None:
    """The form was opened at version 2; somebody comments; the form comes too late."""
    app.execute_commands(RenameSeen(aggregate_id=post_id, sequence_number=2, title="Ho"))
    with pytest.raises(OptimisticLockingError, match="is no longer at version 2"):
        app.execute_commands(RenameSeen(aggregate_id=post_id, sequence_number=2, title="Ha"))
    assert app.repository.load_aggregate(post_id, Post).title == "Ho"
