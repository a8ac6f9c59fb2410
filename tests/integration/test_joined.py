"""Commands in a transaction of the caller's: his and ours are one, and he decides how it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from sequent_sa import (
    AggregateKeyNotUnique,
    CommandNotValid,
    ConcurrencyError,
    OptimisticLockingError,
    Sequent,
    UnitOfWorkError,
)
from sequent_sa.tables import projector_states
from tests.blog import AddComment, FailAfterRename, Post, PostRecord, RenamePost
from tests.databases import Database, PostgreSQLDatabases, SQLiteDatabases
from tests.integration.callers import Note, TellingWorkflow, add, new_app, post, stored, titles

told = TellingWorkflow.told


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = new_app(database.url)
    yield app
    app.engine.dispose()


def test_commands_are_committed_with_the_session(app: Sequent) -> None:
    """Nobody sees events, rows, or hooks before; afterwards all of them are there, the caller's own rows too."""
    with app.session() as session:
        session.add(Note(id=1))
        app.execute_commands(add(app), session=session)
        assert ((0, 0), []) == (stored(app), told)
        assert titles(session) == ["Hi"]
        session.commit()
        assert [1] == session.scalars(select(Note.id)).all()
    assert ((2, 1), ["added committed"]) == (stored(app), told)


def test_commands_are_rolled_back_with_the_session(app: Sequent) -> None:
    """Nothing of them is left, and the hooks for that have run."""
    command = add(app)
    with app.session() as session:
        session.add(Note(id=1))
        app.execute_commands(command, session=session)
        session.rollback()
        assert [] == session.scalars(select(Note.id)).all()
    assert ((0, 0), ["added rolled back"]) == (stored(app), told)
    app.execute_commands(command)
    assert ((2, 1), "Hi") == (stored(app), post(app, command.aggregate_id).title)


def test_a_session_that_is_closed_takes_everything_with_it(app: Sequent) -> None:
    """Leaving its block without a commit is a rollback."""
    with app.session() as session:
        app.execute_commands(add(app), session=session)
    assert ((0, 0), ["added rolled back"]) == (stored(app), told)


def test_a_connection_is_as_good_as_a_session(app: Sequent) -> None:
    """Begun by a block, by its first statement, or by the commands."""
    with app.engine.begin() as connection:
        app.execute_commands(add(app, "one"), session=connection)
        assert told == []
    with app.engine.connect() as connection:
        connection.scalar(select(func.count()).select_from(PostRecord))
        app.execute_commands(add(app, "two"), session=connection)
        connection.commit()
        app.execute_commands(add(app, "three"), session=connection)
        connection.commit()
        app.execute_commands(add(app, "never"), session=connection)
    assert (["added committed"] * 3 + ["added rolled back"], (6, 3)) == (told, stored(app))


def test_an_engine_of_the_callers_own_will_do(postgresql_databases: PostgreSQLDatabases) -> None:
    """As long as it is connected to the same database, and however it says where that is."""
    database = postgresql_databases.create()
    app = new_app(database.url)
    with Session(database.engine) as session, session.begin():
        app.execute_commands(add(app), session=session)
    assert ((2, 1), ["added committed"]) == (stored(app), told)
    app.engine.dispose()


def test_an_engine_that_was_given_to_the_application_will_do(databases_engine: Sequent) -> None:
    """What the application made of it is to be used."""
    with Session(databases_engine.engine) as session, session.begin():
        databases_engine.execute_commands(add(databases_engine), session=session)
    assert stored(databases_engine) == (2, 1)


@pytest.fixture
def databases_engine(database: Database) -> Sequent:
    return new_app(database.engine)


def test_the_session_of_a_thread_is_found(app: Sequent) -> None:
    """A `scoped_session`, which web frameworks hand out, stands for the session that it finds."""
    sessions = scoped_session(sessionmaker(app.engine))
    app.execute_commands(add(app), session=sessions)
    sessions.commit()
    sessions.remove()
    assert stored(app) == (2, 1)


def test_changes_of_the_session_are_written_first(app: Sequent) -> None:
    """Also when the session would not do so by itself."""
    with app.session() as session, session.no_autoflush:
        session.add(Note(id=1, text="first"))
        app.execute_commands(add(app), session=session)
        assert session.connection().scalars(select(Note.text)).all() == ["first"]


def test_objects_of_the_session_see_what_projectors_wrote(app: Sequent) -> None:
    """Records, and what other objects know of them; what no projector touches is not read again."""
    command = add(app)
    app.execute_commands(command)
    with app.session() as session:
        record = session.get_one(PostRecord, command.aggregate_id)
        note = Note(id=1, post_id=command.aggregate_id, text="a note")
        session.add(note)
        session.commit()
        assert (record.title, note.text, note.post) == ("Hi", "a note", record)
        app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="Ho"), session=session)
        assert {"text": "a note"}.items() <= note.__dict__.items()
        assert "post" not in note.__dict__
        assert (record.title, note.post) == ("Ho", record)


def test_a_failed_command_leaves_the_rest_of_the_transaction(app: Sequent) -> None:
    """Who catches the error can go on: what the command did is undone, wherever it failed, and nothing else."""
    first = add(app)
    with app.session() as session:
        session.add(Note(id=1))
        app.execute_commands(first, session=session)
        with pytest.raises(CommandNotValid):
            app.execute_commands(add(app, ""), session=session)
        with pytest.raises(AggregateKeyNotUnique):  # by the database
            app.execute_commands(add(app, "Ho"), add(app, "Hi"), session=session)
        with pytest.raises(RuntimeError, match="changed my mind"):  # after some of it was sent
            app.execute_commands(
                AddComment(aggregate_id=first.aggregate_id, text="one"),
                FailAfterRename(aggregate_id=first.aggregate_id, title="bad"),
                session=session,
            )
        app.execute_commands(AddComment(aggregate_id=first.aggregate_id, text="two"), session=session)
        assert told == []
        session.commit()
    assert ((3, 1), ["two"]) == (stored(app), post(app, first.aggregate_id).comments)
    assert ["added rolled back"] * 2 + ["commented rolled back", "added committed", "commented committed"] == told


def test_a_savepoint_around_a_failed_command_can_be_rolled_back(app: Sequent) -> None:
    """And one around commands that went well, whose hooks never run then."""
    kept = add(app, "kept")
    with app.session() as session:
        app.execute_commands(kept, session=session)
        with pytest.raises(RuntimeError), session.begin_nested():  # noqa: PT012 - a block is the point
            session.add(Note(id=1))
            app.execute_commands(add(app, "undone"), session=session)
            app.execute_commands(FailAfterRename(aggregate_id=kept.aggregate_id, title="bad"), session=session)
        with session.begin_nested() as savepoint:
            app.execute_commands(add(app, "undone"), session=session)
            savepoint.rollback()
        with session.begin_nested(), session.begin_nested():
            app.execute_commands(AddComment(aggregate_id=kept.aggregate_id, text="kept"), session=session)
        assert (told, titles(session)) == ([], ["kept"])
        session.commit()
        assert session.scalars(select(Note.id)).all() == []
    assert ["added rolled back"] * 2 + ["added committed", "commented committed"] == told
    assert stored(app) == (3, 1)


def test_hooks_wait_for_the_outermost_transaction(app: Sequent) -> None:
    """A session that works on a connection of somebody else commits nothing but a savepoint."""
    with app.engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            app.execute_commands(add(app, "one"), session=session)
            session.commit()
            assert told == []
            app.execute_commands(add(app, "two"), session=session)
            session.rollback()
        assert told == []
        outer.commit()
        assert told == ["added rolled back", "added committed"]
    assert stored(app) == (2, 1)


def test_hooks_do_not_run_when_the_commit_fails(postgresql_databases: PostgreSQLDatabases) -> None:
    """A constraint that is checked at the end is what the commit fails for."""
    app = new_app(postgresql_databases.create().url)
    with app.engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE view_schema.notes ALTER CONSTRAINT notes_post_id_fkey DEFERRABLE INITIALLY DEFERRED")
        )
    with app.session() as session:
        session.add(Note(id=1, post_id=app.new_uuid()))
        app.execute_commands(add(app), session=session)
        with pytest.raises(IntegrityError):
            session.commit()
        session.rollback()
    assert ((0, 0), ["added rolled back"]) == (stored(app), told)
    app.engine.dispose()


def test_a_hook_may_execute_commands_when_there_is_but_one_connection(databases_one: Sequent) -> None:
    """The session has given its connection back when hooks run, and can be used again."""
    app = databases_one
    with app.session() as session:
        command = add(app, author="eager")
        app.execute_commands(command, session=session)
        session.commit()
        assert session.get_one(PostRecord, command.aggregate_id).comments == 1
    assert post(app, command.aggregate_id).comments == ["later"]


@pytest.fixture
def databases_one(database: Database) -> Iterator[Sequent]:
    app = new_app(create_engine(database.url, pool_size=1, max_overflow=0, pool_timeout=5))
    yield app
    app.engine.dispose()


def test_an_error_in_a_hook_reaches_who_committed(app: Sequent) -> None:
    """And undoes nothing; the session can be used afterwards."""

    def fail() -> None:
        raise RuntimeError("too late")

    with app.session() as session:
        with app.joined(session) as unit:
            app.execute_commands(add(app))
            unit.after_commit.append(fail)
        with pytest.raises(RuntimeError, match="too late"):
            session.commit()
        assert titles(session) == ["Hi"]
    with app.engine.connect() as connection:
        with app.joined(connection) as unit:
            unit.after_commit.append(fail)
        with pytest.raises(RuntimeError, match="too late"):
            connection.commit()
        assert not connection.in_transaction()


def test_a_block_is_one_unit_of_work(app: Sequent) -> None:
    """Aggregates are one instance for each id in it, the session sees what was written, and all is kept together."""
    command = add(app)
    with app.session() as session:
        session.add(Note(id=1))
        with app.joined(session):
            app.execute_commands(command)
            assert titles(session) == ["Hi"]
            record = session.get_one(PostRecord, command.aggregate_id)
            found = app.repository.load_aggregate(command.aggregate_id, Post)
            assert found is app.repository.load_aggregate(command.aggregate_id, Post)
            app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="Ho"), session=session)
            assert (found.title, record.title) == ("Ho", "Ho")
            with app.joined(session), app.joined(session.connection()), app.unit_of_work():
                app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="one"))
        assert told == []
        session.commit()
    assert ((4, 1), ["one"]) == (stored(app), post(app, command.aggregate_id).comments)
    assert ["added committed", "commented committed"] == told


def test_a_block_that_fails_undoes_what_the_caller_did_in_it(app: Sequent) -> None:
    """And what he did before it stays."""
    with app.session() as session:
        session.add(Note(id=1))
        with pytest.raises(ZeroDivisionError), app.joined(session):  # noqa: PT012 - a block is the point
            app.execute_commands(add(app))
            session.add(Note(id=2))
            session.flush()
            raise ZeroDivisionError
        assert session.scalars(select(Note.id)).all() == [1]
        session.commit()
    assert ((0, 0), ["added rolled back"]) == (stored(app), told)


def test_a_nested_block_that_failed_lets_nothing_be_kept(app: Sequent) -> None:
    """It is the same unit of work, so catching the error does not make it good."""
    with app.engine.begin() as connection:
        with pytest.raises(UnitOfWorkError, match="nothing of it can be committed"), app.joined(connection):  # noqa: PT012
            app.execute_commands(add(app))
            with pytest.raises(ZeroDivisionError), app.joined(connection):
                raise ZeroDivisionError
        app.execute_commands(add(app, "Ho"), session=connection)
    assert stored(app) == (2, 1)


def test_savepoints_inside_of_a_block(app: Sequent) -> None:
    """What was done before one is sent before it; what is rolled back with it is forgotten, failures included."""
    command = add(app)
    with app.session() as session:
        with app.joined(session):
            app.execute_commands(command)
            app.repository.load_aggregate(command.aggregate_id, Post)
            with session.begin_nested() as savepoint:
                app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="undone"))
                savepoint.rollback()
            with pytest.raises(RuntimeError), session.begin_nested():
                app.execute_commands(FailAfterRename(aggregate_id=command.aggregate_id, title="bad"))
            with session.begin_nested():
                app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="Ho"))
            app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="kept"))
            assert titles(session) == ["Ho"]
        session.commit()
    found = post(app, command.aggregate_id)
    assert (found.title, found.comments, stored(app)) == ("Ho", ["kept"], (4, 1))
    assert ["commented rolled back", "added committed", "commented committed"] == told


def test_what_is_pending_goes_with_its_savepoint(app: Sequent) -> None:
    """Although the database has not heard of it yet."""
    command = add(app)
    with app.session() as session:
        with app.joined(session):
            with session.begin_nested() as savepoint:
                app.repository.add_aggregate(Post(command))
                app.repository.commit(command)
                savepoint.rollback()
            app.execute_commands(add(app, "Ho"))
        session.commit()
    assert (2, 1) == stored(app)
    assert not app.repository.contains_aggregate(command.aggregate_id)


def test_a_savepoint_behind_what_is_pending(app: Sequent) -> None:
    """It undoes what came after it only; in the middle of something that must be whole nothing can go on."""
    command = add(app)

    def undo(session: Session) -> None:
        savepoint = session.begin_nested()
        assert [] == titles(session)
        savepoint.rollback()

    with app.session() as session:
        with app.joined(session):
            app.repository.add_aggregate(Post(command))
            app.repository.commit(command)
            undo(session)
        session.commit()
        assert (2, 0) == stored(app)
        with (
            pytest.raises(UnitOfWorkError, match="rolled back while it took part"),
            app.joined(session),
            app.unit_of_work(),
        ):
            undo(session)
        session.commit()
    assert (2, 0) == stored(app)


def test_a_transaction_cannot_be_ended_inside_of_a_block(app: Sequent) -> None:
    """A commit is refused; after a rollback the block cannot go on."""

    def commit(connection: Connection) -> None:
        with app.joined(connection):
            app.execute_commands(add(app))
            connection.commit()

    def roll_back(connection: Connection) -> None:
        with app.joined(connection):
            app.execute_commands(add(app))
            connection.rollback()
            app.execute_commands(add(app, "Ho"))

    with app.engine.connect() as connection:
        with pytest.raises(UnitOfWorkError, match=r"commit it after the block of `app\.joined`"):
            commit(connection)
        connection.rollback()
    with app.engine.connect() as connection, pytest.raises(UnitOfWorkError, match="rolled back while it took part"):
        roll_back(connection)
    assert (0, 0) == stored(app)
    assert told == ["added rolled back"] * 2
    app.execute_commands(add(app))
    assert (2, 1) == stored(app)


def test_one_unit_of_work_has_one_transaction(app: Sequent) -> None:
    """A session of another transaction is refused inside of one that is open."""
    with app.session() as session:
        with app.unit_of_work(), pytest.raises(UnitOfWorkError, match="it cannot have two"):
            app.execute_commands(add(app), session=session)
        with (
            app.engine.connect() as other,
            pytest.raises(UnitOfWorkError, match="it cannot have two"),
            app.joined(other),
        ):
            app.execute_commands(add(app), session=session)
        app.execute_commands(add(app), session=session)
        session.commit()
    assert stored(app) == (2, 1)


def test_nothing_is_tried_again_in_a_transaction_of_the_callers(app: Sequent) -> None:
    """He alone knows what is to be done again."""
    command = add(app)
    tries: list[Connection] = []

    def lose(_: object) -> None:
        tries.append(connection)
        raise ConcurrencyError("somebody was faster")

    losing = Sequent(app.engine, packages=["tests.blog"], filters=[lose], retries=5, environment="test")
    with app.engine.connect() as connection, pytest.raises(ConcurrencyError, match="faster"):
        losing.execute_commands(command, session=connection, retries=7)
    assert len(tries) == 1


def test_projectors_that_were_switched_are_noticed(app: Sequent) -> None:
    """What is remembered about them is checked in the caller's transaction too, and looked up anew."""
    app.execute_commands(add(app))
    with app.engine.begin() as connection:
        connection.execute(projector_states.update().values(active_version=None))
    with app.session() as session, session.begin():
        app.execute_commands(add(app, "Ho"), session=session)
    assert stored(app) == (4, 1)


def test_a_lost_race_is_an_error_that_the_caller_can_handle(postgresql_databases: PostgreSQLDatabases) -> None:
    """He rolls back, or goes on without the command."""
    app = new_app(postgresql_databases.create().url)
    command = add(app)
    app.execute_commands(command)
    with app.session() as session:
        session.add(Note(id=1))
        with pytest.raises(OptimisticLockingError), app.joined(session):  # noqa: PT012
            app.repository.load_aggregate(command.aggregate_id, Post)
            with app.engine.begin() as other:  # another unit of work cannot be open here, so by hand
                other.execute(text("UPDATE sequent_schema.events SET sequence_number = 3 WHERE sequence_number = 2"))
            app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="late"))
        assert session.scalars(select(Note.id)).all() == [1]
        session.commit()
    app.engine.dispose()


def test_reading_before_somebody_else_wrote_is_no_obstacle(sqlite_databases: SQLiteDatabases) -> None:
    """SQLite refuses to let such a transaction write, so that it begins anew, with what is committed now."""
    app = new_app(sqlite_databases.create().url)
    command = add(app)
    app.execute_commands(command)
    with app.session() as session:
        record = session.get_one(PostRecord, command.aggregate_id)
        app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="meanwhile"))
        assert record.comments == 0
        app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="mine"), session=session)
        assert record.comments == 2
        session.commit()
        for number in (1, 2):
            assert record.comments == 2 * number
            app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="meanwhile"))
            mine = AddComment(aggregate_id=command.aggregate_id, text="mine")
            if number == 1:
                session.add(Note(id=1))  # is written first
                app.execute_commands(mine, session=session)
            else:
                with app.joined(session):
                    app.execute_commands(mine)
            session.commit()
    assert post(app, command.aggregate_id).comments == ["meanwhile", "mine"] * 3
    app.engine.dispose()


def test_a_savepoint_that_began_by_reading_is_explained(sqlite_databases: SQLiteDatabases) -> None:
    """It would be lost if the transaction began anew."""
    app = new_app(sqlite_databases.create().url)
    command = add(app)
    app.execute_commands(command)
    with app.session() as session:
        session.get_one(PostRecord, command.aggregate_id)
        app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="meanwhile"))
        with pytest.raises(ConcurrencyError, match="with the commands before the savepoint"), session.begin_nested():
            app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="mine"), session=session)
        session.rollback()
        app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="mine"), session=session)
        session.commit()
    assert post(app, command.aggregate_id).comments == ["meanwhile", "mine"]
    app.engine.dispose()
