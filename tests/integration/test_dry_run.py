"""What commands would do, shown without doing it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select

from sequent_sa import Command, CommandHandler, CommandNotValid, DryRun, Secret, Sequent, Workflow, on
from sequent_sa.exceptions import AggregateKeyNotUnique, AggregateNotFound
from sequent_sa.tables import commands, events
from tests.blog import (
    AddComment,
    AddPost,
    Post,
    PostAdded,
    PostCommandHandler,
    PostProjector,
    PostRecord,
    RenamePost,
    WelcomeWorkflow,
)
from tests.databases import Database


def is_untouched(app: Sequent) -> bool:
    """Whether nothing was ever stored."""
    with app.session() as session:
        return not any(session.execute(select(table)).all() for table in (commands, events, PostRecord.__table__))


def test_events_and_their_handlers_are_shown(app: Sequent) -> None:
    """One level: the events of each command, and who would get them; nothing is stored, no workflow runs."""
    id_ = uuid4()
    result = app.dry_run(AddPost(aggregate_id=id_, author="newcomer", title="Hi"))
    (executed,) = result.commands
    assert executed.command == AddPost(aggregate_id=id_, author="newcomer", title="Hi")
    assert [type(each.event).__name__ for each in executed.events] == ["PostAdded", "PostTitleChanged"]
    assert executed.events[0].projectors == [PostProjector]
    assert executed.events[0].workflows == [WelcomeWorkflow]
    assert executed.events[1].workflows == []
    assert all(each.commands == [] for each in executed.events)
    assert result.row_changes == {}
    assert is_untouched(app)


def test_later_commands_see_what_earlier_ones_would_do(app: Sequent) -> None:
    """An aggregate that does not exist yet can be changed in the same dry run."""
    id_ = uuid4()
    result = app.dry_run(
        AddPost(aggregate_id=id_, author="Ben", title="Hi"),
        RenamePost(aggregate_id=id_, title="Ho"),
        RenamePost(aggregate_id=id_, title="Ho"),
    )
    assert [len(each.events) for each in result.commands] == [2, 1, 0]
    assert is_untouched(app)


def test_a_deep_run_shows_what_follows(app: Sequent) -> None:
    """Workflows cause commands, which stand under the event that caused them; projectors change rows; all is undone."""
    id_ = uuid4()
    result = app.dry_run(AddPost(aggregate_id=id_, author="newcomer", title="Hi"), deep=True)
    (executed,) = result.commands
    (followed,) = executed.events[0].commands
    assert followed.command == AddComment(aggregate_id=id_, text="welcome")
    assert [type(each.event).__name__ for each in followed.events] == ["CommentAdded"]
    changes = [(change.operation, change.values) for change in result.row_changes["post_records"]]
    assert changes[0][0] == "insert"
    assert changes[1:] == [("update", {"title": "Hi"}), ("update", {"comments": 1})]
    assert is_untouched(app)


def test_a_deep_run_meets_the_constraints_of_the_database(app: Sequent) -> None:
    """What would be refused at the end of the real transaction is refused here."""
    app.execute_commands(AddPost(aggregate_id=uuid4(), author="Ben", title="Hi"))
    again = AddPost(aggregate_id=uuid4(), author="Kim", title="hi")
    with pytest.raises(AggregateKeyNotUnique):
        app.dry_run(again, deep=True)
    assert len(app.dry_run(again).commands) == 1


def test_errors_are_those_of_execution(app: Sequent) -> None:
    """A command that is not valid, and an aggregate that is not there."""
    with pytest.raises(CommandNotValid):
        app.dry_run(AddPost(aggregate_id=uuid4(), author=" ", title="Hi"))
    with pytest.raises(AggregateNotFound):
        app.dry_run(RenamePost(aggregate_id=uuid4(), title="Hi"))
    assert is_untouched(app)


def test_no_hook_runs(database: Database) -> None:
    """Neither after the commit nor after the rollback, also when the run fails."""
    called: list[str] = []

    class Fail(Command):
        pass

    class FailHandler(CommandHandler):
        @on(Fail)
        def fail(self, command: Fail) -> None:
            raise RuntimeError("no")

    class Hooks(Workflow):
        @on(PostAdded)
        def hook(self, event: PostAdded) -> None:
            self.after_commit(lambda: called.append("commit"))
            self.after_rollback(lambda: called.append("rollback"))

    app = Sequent(
        database.url, packages=["tests.blog"], command_handlers=[FailHandler], workflows=[Hooks], environment="test"
    )
    app.create_all()
    add = AddPost(aggregate_id=uuid4(), author="Ben", title="Hi")
    app.dry_run(add, deep=True)
    with pytest.raises(RuntimeError, match="no"):
        app.dry_run(add, Fail(aggregate_id=uuid4()), deep=True)
    assert called == []
    app.engine.dispose()


def test_what_writes_by_accident_is_refused(database: Database) -> None:
    """At one level the database is asked to let nothing be changed, whatever a command handler does."""

    class Careless(CommandHandler):
        @on(AddPost)
        def add(self, command: AddPost) -> None:
            with self.repository._units.current().transaction.reading() as connection:  # pyright: ignore[reportPrivateUsage]
                connection.execute(delete(PostRecord))

    app = Sequent(
        database.url, command_handlers=[Careless, PostCommandHandler], projectors=[PostProjector], environment="test"
    )
    app.create_all()
    add = AddPost(aggregate_id=uuid4(), author="Ben", title="Hi")
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        app.dry_run(add)
    app.dry_run(add, deep=True)
    app.execute_commands(add)
    app.engine.dispose()


def test_equal_commands_are_two(app: Sequent) -> None:
    """Each has an entry of its own, and only handlers of this application are named."""
    id_ = uuid4()
    app.execute_commands(AddPost(aggregate_id=id_, author="Ben", title="Hi"))
    result = app.dry_run(AddComment(aggregate_id=id_, text="x"), AddComment(aggregate_id=id_, text="x"))
    assert [[3], [4]] == [[each.event.sequence_number for each in executed.events] for executed in result.commands]
    named = {handler for executed in result.commands for each in executed.events for handler in each.projectors}
    assert {PostProjector} == named


def test_an_aggregate_is_found_by_its_unique_key(app: Sequent) -> None:
    """What is stored is there for the handlers of a dry run, also one level deep."""
    id_ = uuid4()
    app.execute_commands(AddPost(aggregate_id=id_, author="Ben", title="Hi"))
    found: list[UUID] = []

    class Finder(CommandHandler):
        @on(RenamePost)
        def rename(self, command: RenamePost) -> None:
            post = self.repository.find_aggregate_by_unique_key("post_title", {"title": "hi"}, Post)
            found.extend([post.aggregate_id] if post is not None else [])

    with_finder = Sequent(app.engine, command_handlers=[Finder], projectors=[PostProjector], environment="test")
    for deep in (False, True):
        with_finder.dry_run(RenamePost(aggregate_id=id_, title="x"), deep=deep)
    assert [id_, id_] == found


@pytest.mark.parametrize("deep", [False, True])
def test_live_traffic_goes_on_beside_dry_runs(app: Sequent, deep: bool) -> None:
    """Neither gets anything of the other, whatever runs in which thread."""
    id_ = uuid4()
    app.execute_commands(AddPost(aggregate_id=id_, author="Ben", title="Hi"))
    shown: list[DryRun] = []

    def try_it() -> None:
        for number in range(10):
            shown.append(
                app.dry_run(AddPost(aggregate_id=uuid4(), author="newcomer", title=f"dry {number}"), deep=deep)
            )

    with ThreadPoolExecutor(2) as pool:
        trying = pool.submit(try_it)
        for number in range(10):
            pool.submit(app.execute_commands, RenamePost(aggregate_id=id_, title=f"live {number}")).result(60)
        trying.result(60)
    assert [2] * 10 == [len(each.commands[0].events) for each in shown]
    assert all(len(each.commands[0].events[0].commands) == (1 if deep else 0) for each in shown)
    with app.session() as session:
        assert ["live 9"] == session.scalars(select(PostRecord.title)).all()
        assert 12 == len(session.execute(select(events.c.aggregate_id)).all())


def test_a_secret_is_not_shown(app: Sequent) -> None:
    """Neither as it was given nor as it is stored."""

    class SignUp(Command):
        password: Secret

    class SignUpHandler(CommandHandler):
        @on(SignUp)
        def sign_up(self, command: SignUp) -> None:
            assert command.password.is_hashed

    with_secret = Sequent(app.engine, command_handlers=[SignUpHandler], projectors=[PostProjector], environment="test")
    text = str(with_secret.dry_run(SignUp(aggregate_id=uuid4(), password=Secret("hunter2")), deep=True))
    assert "SignUp(" in text
    assert not any(word in text for word in ("hunter2", "argon2"))


def test_a_dry_run_inside_of_a_unit_of_work_stands_apart(app: Sequent) -> None:
    """It does not see what is pending there, and leaves no aggregate behind."""
    id_ = uuid4()
    app.execute_commands(AddPost(aggregate_id=id_, author="Ben", title="Hi"))
    with app.unit_of_work():
        post = app.repository.load_aggregate(id_, Post)
        app.dry_run(RenamePost(aggregate_id=id_, title="Ho"))
        assert post.title == "Hi"
        assert app.repository.load_aggregate(id_, Post) is post


def test_the_result_can_be_read(app: Sequent) -> None:
    """Commands, their events, the handlers, follow-up commands and rows, indented as they follow from each other."""
    id_ = uuid4()
    text = str(app.dry_run(AddPost(aggregate_id=id_, author="newcomer", title="Hi"), deep=True))
    lines = text.splitlines()
    assert lines[0].startswith("AddPost(")
    assert lines[0].endswith(": 2 events")
    assert lines[1].startswith("  PostAdded(")
    assert lines[2:4] == ["    projectors: PostProjector", "    workflows: WelcomeWorkflow"]
    assert lines[4].startswith("    AddComment(")
    assert lines[4].endswith(": 1 event")
    assert "table post_records" in lines
    assert f"  update where aggregate_id={id_!r} set title='Hi'" in lines
    assert json.dumps(text)
