"""Removing aggregates: everywhere, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, event, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from sequent_sa import (
    AggregateNotFound,
    ErasureError,
    OptimisticLockingError,
    Projector,
    ReplayError,
    SequenceNumberGap,
    Sequent,
    on,
    tables,
)
from sequent_sa.replay.engine import Replay
from tests.databases import Database, PostgreSQLDatabases
from tests.databases.waiting import wait_until
from tests.integration.command_line import CommandLine
from tests.integration.test_replay import context
from tests.people import (
    InvitationProjector,
    InvitationRecord,
    Invite,
    Person,
    PersonProjector,
    PersonRecord,
    Rename,
    SignedUp,
    SignUp,
    new_app,
)

SECRET = "Ximena-Quispe"


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The application, with somebody who stays."""
    app = new_app(database.url)
    app.create_all()
    yield app
    app.engine.dispose()


def person(app: Sequent, name: str) -> UUID:
    """Somebody who signed up, and has a snapshot."""
    aggregate_id = app.new_uuid()
    app.execute_commands(SignUp(aggregate_id=aggregate_id, name=name), Rename(aggregate_id=aggregate_id, name=name * 2))
    app.snapshots.take_one(aggregate_id)
    return aggregate_id


def contents(app: Sequent) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, view tables included."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with app.engine.connect() as connection:
        for metadata in (tables.metadata, *app.view_metadata):
            for table in metadata.sorted_tables:
                if inspect(connection).has_table(table.name, schema=_schema(app, table.schema)):
                    found[table.name] = [tuple(row) for row in connection.execute(select(table))]
    return found


def _schema(app: Sequent, schema: str | None) -> str | None:
    return schema if app.engine.dialect.name == "postgresql" else None


def mentioning(app: Sequent, *what: object) -> list[str]:
    """The tables with a row that has something of this in any of its columns."""
    return [name for name, rows in contents(app).items() if any(str(each) in str(row) for row in rows for each in what)]


def test_nothing_is_left_of_a_person(app: Sequent) -> None:
    """Not in events, commands, keys, snapshots, view rows, and not in what was kept of changed and deleted events."""
    other = person(app, "stays")
    before = contents(app)
    erased = person(app, SECRET)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        changed = update(tables.events).where(tables.events.c.aggregate_id == erased)
        connection.execute(changed.values(event_json=f'{{"name": "{SECRET}-changed"}}'))
    deleted = app.erasure.erase(erased)
    assert [] == mentioning(app, erased, erased.hex, SECRET)
    assert {erased: "Person"} == deleted.aggregates
    assert {
        "events": 2,
        "commands": 2,
        "aggregates": 1,
        "aggregate_unique_keys": 1,
        "snapshot_records": 1,
        "aggregates_that_need_snapshots": 1,
        "saved_event_records": 2,
        "person_records": 1,
    } == dict(deleted.rows)
    after = contents(app)
    same = {name: rows for name, rows in before.items() if name not in ("command_types", "event_types")}
    assert same == {name: after[name] for name in same}
    assert "staysstays" == app.repository.load_aggregate(other, Person).name


def test_what_was_deleted_before_is_erased_too(app: Sequent) -> None:
    """Copies of deleted events, and commands that stayed; also when no copy says whose they are."""
    erased = person(app, SECRET)
    app.erasure.permanently_delete_event_streams(erased)
    assert {"commands", "saved_event_records", "person_records"} == set(mentioning(app, SECRET))
    deleted = app.erasure.erase(erased)
    assert [] == mentioning(app, SECRET, erased, erased.hex)
    assert {"commands": 2, "saved_event_records": 2, "person_records": 1} == dict(deleted.rows)
    other = person(app, SECRET)
    app.erasure.permanently_delete_event_streams(other)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(delete(tables.saved_event_records))
    assert {"commands": 2, "person_records": 1} == dict(app.erasure.erase(other).rows)


def test_a_command_about_others_too_is_emptied(app: Sequent) -> None:
    """It is the parent of events that stay; what it said is gone, the application's own columns too.

    The report names it.
    """
    host = person(app, "host")
    friend = app.new_uuid()
    app.execute_commands(Invite(aggregate_id=host, friend_id=friend, friend=SECRET))
    commands_table = "sequent_schema.commands" if app.dialect.name == "postgresql" else "commands"
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.exec_driver_sql(f"ALTER TABLE {commands_table} ADD COLUMN remark text")
        connection.exec_driver_sql(f"UPDATE {commands_table} SET remark = '{SECRET}'")
    deleted = app.erasure.erase(friend)
    assert [] == mentioning(app, SECRET)
    with app.engine.connect() as connection:
        commands = tables.commands.c
        (row,) = connection.execute(select(commands.id, commands.command_json).where(commands.command_json == "{}"))
        remark = connection.exec_driver_sql(f"SELECT remark FROM {commands_table} WHERE id = {row.id}").scalar_one()
    assert ([row.id], None) == (deleted.emptied_commands, remark)
    assert "commands" not in deleted.rows
    assert 1 == deleted.rows["invitation_records"]
    assert 3 == app.repository.load_aggregate(host).version


def test_several_are_erased_at_once(app: Sequent) -> None:
    """Those who invited, and those who were invited; each row is counted once."""
    host = person(app, "Henriette")
    friend = app.new_uuid()
    app.execute_commands(Invite(aggregate_id=host, friend_id=friend, friend=SECRET))
    deleted = app.erasure.erase(host, friend, host)
    assert [4, 2, 1] == [deleted.rows[name] for name in ("events", "aggregates", "invitation_records")]
    assert [] == mentioning(app, SECRET, "Henriette", host, friend)
    assert [] == deleted.emptied_commands


def test_an_unknown_person_is_named(app: Sequent) -> None:
    """And nobody else is touched."""
    known, unknown = person(app, "known"), UUID(int=7)
    before = contents(app)
    with pytest.raises(AggregateNotFound, match=str(unknown)):
        app.erasure.erase(known, unknown)
    with pytest.raises(AggregateNotFound, match=str(unknown)):
        app.erasure.permanently_delete_event_streams(known, unknown)
    assert before == contents(app)


class FailingProjector(Projector, manages_tables=(InvitationRecord,)):
    @on(SignedUp)
    def signed_up(self, event: SignedUp) -> None:
        """Keeps nothing."""

    def erase(self, aggregate_ids: Sequence[UUID]) -> None:
        self.delete_all_records(InvitationRecord, {"host_id": list(aggregate_ids)})
        self.execute_sql("SELECT * FROM there_is_no_such_table")


class ForgetfulProjector(Projector, manages_tables=(InvitationRecord,)):
    @on(SignedUp)
    def signed_up(self, event: SignedUp) -> None:
        """Does not say how its table is erased."""


@pytest.mark.parametrize(
    ("projector", "message"),
    [
        (FailingProjector, r"FailingProjector\.erase failed .* nothing was erased \(.*there_is_no_such_table"),
        (ForgetfulProjector, r"InvitationRecord has no aggregate_id: define ForgetfulProjector\.erase"),
    ],
)
def test_a_projector_that_fails_keeps_everything(
    app: Sequent, database: Database, projector: type[Projector], message: str
) -> None:
    """The error names it, and nothing is erased anywhere."""
    host = person(app, "host")
    before = contents(app)
    failing = new_app(database.url, PersonProjector, projector)
    with pytest.raises(ErasureError, match=message):
        failing.erasure.erase(host)
    failing.engine.dispose()
    assert before == contents(app)


def test_a_table_that_is_not_there_yet_has_no_rows(database: Database) -> None:
    """Code with a new projector can erase before its tables are made."""
    old = new_app(database.url, PersonProjector)
    old.create_all()
    host = person(old, "host")
    new = new_app(database.url)
    assert 1 == new.erasure.erase(host).rows["person_records"]
    for app in (old, new):
        app.engine.dispose()


class LaterPersonProjector(PersonProjector, manages_tables=(PersonRecord,), name="PersonProjector", version=2):
    """The same rows."""


def test_nothing_is_erased_while_a_replay_runs(app: Sequent, database: Database) -> None:
    """It would bring rows back. Once it has ended, the rows that it replaced are erased too."""
    erased = person(app, SECRET)
    later = new_app(database.url, LaterPersonProjector, InvitationProjector)
    replay = Replay.create(context(later), [LaterPersonProjector])
    with pytest.raises(ReplayError, match=r"a replay of PersonProjector is in progress \(state created\)"):
        later.erasure.erase(erased)
    replay.prepare()
    replay.run()
    with pytest.raises(ReplayError, match="is in progress"):
        app.erasure.erase(erased)
    replay.catch_up()
    replay.optimize()
    replay.go_live()
    rows = later.erasure.erase(erased).rows
    assert 1 == rows["person_records"]
    if database.is_postgresql:
        assert 1 == rows["archive_schema.person_records"]
        with later.engine.connect() as connection:
            assert 0 == connection.scalar(text("SELECT count(*) FROM archive_schema.person_records"))
            assert 0 == connection.scalar(text("SELECT count(*) FROM view_schema.person_records"))
    later.engine.dispose()


def test_what_a_killed_replay_left_is_removed(app: Sequent, database: Database) -> None:
    """Its twins, and what the database said when it failed, which may name a key."""
    erased = person(app, SECRET)
    later = new_app(database.url, LaterPersonProjector, InvitationProjector)
    replay = Replay.create(context(later), [LaterPersonProjector])
    replay.prepare()
    replay.run()
    with later.dialect.writing(later.engine) as connection, connection.begin():
        ended = update(tables.replay_states).values(state="aborted", error={"message": f"Key (name)=({SECRET})"})
        connection.execute(ended)
    twins = Path(f"{later.engine.url.database}-replay")
    assert database.is_postgresql or twins.exists()
    app.erasure.erase(erased)
    assert [] == mentioning(app, SECRET)
    assert not twins.exists()
    with app.engine.connect() as connection:
        assert "replay_schema" not in inspect(connection).get_schema_names()
    later.engine.dispose()


def test_tables_that_nobody_manages_are_named(app: Sequent, database: Database) -> None:
    """Those of a projector that is no more: the report says that nobody looked there, and nothing else."""
    erased = person(app, SECRET)
    left = new_app(database.url, PersonProjector)
    with left.dialect.writing(left.engine) as connection, connection.begin():
        connection.execute(update(tables.projector_states).values(active_version=None))
    deleted = left.erasure.erase(erased)
    assert ["invitation_records"] == deleted.unmanaged
    assert [] == app.erasure.erase(person(app, "other")).unmanaged
    left.engine.dispose()


def test_an_archive_of_another_shape_is_named(postgresql_databases: PostgreSQLDatabases) -> None:
    """What the table was like before the last replay may not be what the projector knows."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    erased = person(app, SECRET)
    with app.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA archive_schema"))
        connection.execute(text("CREATE TABLE archive_schema.person_records (id integer)"))
    with pytest.raises(ErasureError, match=r"archive_schema, those before the last replay, .* drop the schema"):
        app.erasure.erase(erased)
    with app.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA archive_schema CASCADE"))
    app.erasure.erase(erased)
    assert [] == mentioning(app, SECRET)
    app.engine.dispose()


def test_no_replay_begins_meanwhile(postgresql_databases: PostgreSQLDatabases) -> None:
    """It waits until the person is gone."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    erased = person(app, SECRET)
    with app.unit_of_work():
        app.erasure.erase(erased)
        with app.engine.connect() as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            begin = tables.replay_states.insert().values(state="created", projectors=[])
            with pytest.raises(DBAPIError, match="lock timeout"):
                other.execute(begin)
    assert [] == mentioning(app, SECRET)
    app.engine.dispose()


def test_who_appends_to_an_erased_aggregate_finds_nothing(postgresql_databases: PostgreSQLDatabases) -> None:
    """A command that loaded the person before cannot bring anything back."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    erased = person(app, SECRET)

    def rename_late() -> None:
        with app.unit_of_work():
            app.execute_commands(Rename(aggregate_id=erased, name=f"{SECRET} again"))
            other = new_app(app.engine.url.render_as_string(hide_password=False))
            other.erasure.erase(erased)
            other.engine.dispose()

    with pytest.raises((OptimisticLockingError, SequenceNumberGap)):
        rename_late()
    assert [] == mentioning(app, SECRET)
    app.engine.dispose()


def test_who_appended_just_before_is_waited_for(postgresql_databases: PostgreSQLDatabases) -> None:
    """What is stored meanwhile is deleted with the rest."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    deleted = person(app, SECRET)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with app.unit_of_work() as unit:
            app.execute_commands(Rename(aggregate_id=deleted, name=f"{SECRET} again"))
            with unit.transaction.reading():
                """Sent, and not committed."""
            deleting = pool.submit(app.erasure.permanently_delete_event_streams, deleted)
            with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
                wait_until(lambda: watcher.scalar(text(waiting)), "the deletion to wait")
        assert 3 == deleting.result(timeout=60).rows["events"]
    app.engine.dispose()


def test_the_file_holds_nothing_any_more(app: Sequent, database: Database) -> None:
    """On SQLite what is deleted is overwritten, in the database and in its log, while connections stay open."""
    if database.is_postgresql:
        assert database.engine.dialect.name == "postgresql"  # whose server overwrites when it vacuums
        return
    erased = person(app, SECRET)
    app.engine.dispose()
    # Some builds of SQLite do so in any case.
    event.listen(app.engine, "connect", lambda driver, _: driver.execute("PRAGMA secure_delete = OFF").close())
    assert app.engine.url.database is not None
    path = Path(app.engine.url.database)
    assert any(SECRET.encode() in each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    app.erasure.erase(erased)
    assert [] == [each.name for each in path.parent.glob(f"{path.name}*") if SECRET.encode() in each.read_bytes()]


def test_deleting_leaves_commands_and_rows(app: Sequent) -> None:
    """Commands without events can be deleted then, those with events of others stay, and so do those to others."""
    app.erasure.permanently_delete_event_streams(person(app, "another"))
    host = person(app, "host")
    friend = app.new_uuid()
    app.execute_commands(Invite(aggregate_id=host, friend_id=friend, friend="friend"))
    assert 0 == app.erasure.permanently_delete_commands_without_events(host)
    deleted = app.erasure.permanently_delete_event_streams(host)
    assert (3, {host: "Person"}) == (deleted.rows["events"], deleted.aggregates)
    assert not app.repository.contains_aggregate(host)
    assert {"commands", "saved_event_records", "person_records", "invitation_records"} == set(
        mentioning(app, host, host.hex)
    )
    assert 2 == app.erasure.permanently_delete_commands_without_events(host)
    with app.engine.connect() as connection:
        assert 1 + 2 == connection.scalar(select(func.count()).select_from(tables.commands))
    with pytest.raises(TypeError, match="must be a UUID, not None"):
        app.erasure.permanently_delete_commands_without_events(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_deleted_person_can_sign_up_again(app: Sequent) -> None:
    """With the same id and name."""
    erased = person(app, SECRET)
    app.erasure.permanently_delete_event_streams(erased)
    app.erasure.erase(erased)
    app.execute_commands(SignUp(aggregate_id=erased, name=SECRET))
    assert 1 == app.repository.load_aggregate(erased).version


def test_the_command_line_asks_and_reports(migrated_database: Database, command_line: CommandLine) -> None:
    """Without an answer nothing happens; what cannot be found is an error of one line."""

    def sequent(command: str, answer: str = "") -> tuple[int, list[str]]:
        done = command_line(
            f"aggregates {command}", app="tests.people.app:app", url=migrated_database.url, typed=answer
        )
        return done.status, done.lines()

    app = new_app(migrated_database.url)
    with app.engine.begin() as connection:
        app.dialect.create_schemas(connection, ["view_schema"])
        for metadata in app.view_metadata:
            metadata.create_all(connection)
    app.activate_projectors()
    erased, removed = person(app, SECRET), person(app, "other")
    status, lines = sequent(f"erase {erased}", "n\n")
    assert 1 == status
    assert lines[-1].endswith("Error: nothing was removed: answer with y, or say --yes")
    assert [] != mentioning(app, SECRET)
    status, lines = sequent(f"erase {erased} --yes")
    assert (0, f"removed Person {erased}") == (status, lines[0])
    assert "       2 events" in lines
    assert "       1 person_records" in lines
    assert [] == mentioning(app, SECRET)
    status, lines = sequent(f"delete {removed}", "y\n")
    assert 0 == status
    assert "       2 commands" in lines
    assert {"saved_event_records", "person_records"} == set(mentioning(app, "other"))
    assert (1, [f"Error: no aggregate is stored with id {erased}"]) == sequent(f"erase {erased} --yes")
    assert [2, 2] == [sequent(wrong)[0] for wrong in ("erase", "erase somebody --yes")]
    app.engine.dispose()
