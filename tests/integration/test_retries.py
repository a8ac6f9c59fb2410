"""A lost race may be run again, from the start, and never what was committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import select

from sequent_sa import (
    CommandHandler,
    ConcurrencyError,
    ConfigurationError,
    OptimisticLockingError,
    Sequent,
    Workflow,
    on,
)
from sequent_sa.exceptions import ProjectorsChanged
from sequent_sa.execution.middleware import Request
from tests.blog import AddComment, AddPost, CommentAdded, FailAfterRename, Post, PostRecord, RenamePost
from tests.databases import Database


class Race(CommandHandler):
    """Lets another transaction change the aggregate after the first command handler loaded it."""

    meanwhile: Callable[[UUID], object] | None = None

    @on(RenamePost)
    def race(self, command: RenamePost) -> None:
        meanwhile, Race.meanwhile = Race.meanwhile, None
        if meanwhile is not None:
            meanwhile(command.aggregate_id)


class LosesLater(Workflow):
    """Fails in a hook with the error of a lost race."""

    @on(CommentAdded)
    def hook(self, event: CommentAdded) -> None:
        def lose() -> None:
            raise ConcurrencyError("too late") if event.text == "lose later" else ProjectorsChanged

        if event.text in ("lose later", "switch later"):
            self.after_commit(lose)


@pytest.fixture
def seen() -> list[Request]:
    return []


@pytest.fixture
def app(database: Database, seen: list[Request]) -> Iterator[Sequent]:
    app = Sequent(
        database.url,
        packages=["tests.blog"],
        command_handlers=[Race],
        workflows=[LosesLater],
        filters=[seen.append],
        environment="test",
    )
    app.create_all()
    yield app
    Race.meanwhile = None
    app.engine.dispose()


@pytest.fixture
def post_id(app: Sequent) -> UUID:
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="Hi"))
    return id_


def test_retries_are_a_number(database: Database) -> None:
    """Less than none is a mistake."""
    with pytest.raises(ConfigurationError, match="retries must be 0 or more, not -1"):
        Sequent(database.url, retries=-1)


def test_everybody_gets_through_in_the_end(app: Sequent, post_id: UUID) -> None:
    """Eight threads change one aggregate at the same time; with enough retries no comment is lost or doubled."""

    def comment(number: int) -> None:
        app.execute_commands(AddComment(aggregate_id=post_id, text=str(number)), retries=100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(comment, range(24)))
    assert sorted(app.repository.load_aggregate(post_id, Post).comments, key=int) == [str(n) for n in range(24)]
    with app.session() as session:
        assert session.scalars(select(PostRecord.comments)).one() == 24


def lose_once() -> None:
    """Have the next renaming lose a race, where transactions that write can overlap."""

    def meanwhile(_post_id: UUID) -> None:
        raise ConcurrencyError("somebody was faster")

    Race.meanwhile = meanwhile


def test_the_whole_unit_of_work_begins_again(app: Sequent, post_id: UUID, seen: list[Request]) -> None:
    """Filters see the command twice; what was done before the race is done once."""
    lose_once()
    seen.clear()
    comment, rename = AddComment(aggregate_id=post_id, text="first"), RenamePost(aggregate_id=post_id, title="Ho")
    app.execute_commands(comment, rename, retries=1)
    assert seen == [comment, rename, comment, rename]
    post = app.repository.load_aggregate(post_id, Post)
    assert (post.title, post.comments) == ("Ho", ["first"])


def test_without_retries_the_error_arrives(app: Sequent, post_id: UUID) -> None:
    """That is what happens unless somebody asks for more."""
    lose_once()
    with pytest.raises(ConcurrencyError, match="faster"):
        app.execute_commands(RenamePost(aggregate_id=post_id, title="Ho"))


def test_the_application_may_always_try_again(app: Sequent, database: Database, post_id: UUID) -> None:
    """The number of the application is what counts unless a call has its own."""
    trying = Sequent(database.url, packages=["tests.blog"], command_handlers=[Race], retries=2, environment="test")
    lose_once()
    trying.execute_commands(RenamePost(aggregate_id=post_id, title="Ho"))
    lose_once()
    with pytest.raises(ConcurrencyError, match="faster"):
        trying.execute_commands(RenamePost(aggregate_id=post_id, title="Hi"), retries=0)
    trying.engine.dispose()


def test_the_number_of_retries_is_bounded(app: Sequent, post_id: UUID, seen: list[Request]) -> None:
    """A race that is always lost ends with the error, after as many tries as were allowed."""

    def always(_post_id: UUID) -> None:
        Race.meanwhile = always
        raise OptimisticLockingError("Post", post_id, 2)

    Race.meanwhile = always
    seen.clear()
    with pytest.raises(OptimisticLockingError) as lost:
        app.execute_commands(RenamePost(aggregate_id=post_id, title="Ho"), retries=3)
    assert len(seen) == 4
    assert ["this was try number 4, the last of retries=3: execute it again, or allow more"] == lost.value.__notes__


def test_other_errors_are_not_tried_again(app: Sequent, post_id: UUID, seen: list[Request]) -> None:
    """What failed for a reason of its own would fail again."""
    seen.clear()
    with pytest.raises(RuntimeError, match="changed my mind"):
        app.execute_commands(FailAfterRename(aggregate_id=post_id, title="Ho"), retries=3)
    assert len(seen) == 1


@pytest.mark.parametrize(("text", "error"), [("lose later", ConcurrencyError), ("switch later", ProjectorsChanged)])
def test_what_was_committed_is_not_executed_again(
    app: Sequent, post_id: UUID, seen: list[Request], text: str, error: type[ConcurrencyError]
) -> None:
    """A hook that loses a race of its own makes nothing happen twice."""
    seen.clear()
    with pytest.raises(error):
        app.execute_commands(AddComment(aggregate_id=post_id, text=text), retries=3)
    assert len(seen) == 1
    assert app.repository.load_aggregate(post_id, Post).comments == [text]


def test_inside_of_a_unit_of_work_nothing_is_tried_again(app: Sequent, post_id: UUID, seen: list[Request]) -> None:
    """Whoever opened it would not know what is to be done again."""
    lose_once()
    seen.clear()
    with pytest.raises(ConcurrencyError, match="faster"), app.unit_of_work():
        app.execute_commands(RenamePost(aggregate_id=post_id, title="Ho"), retries=3)
    assert len(seen) == 1
