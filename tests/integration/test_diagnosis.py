"""What `sequent doctor` finds, on real databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.engine.interfaces import DBAPIConnection

from sequent_sa import Sequent
from sequent_sa.diagnosis import Finding, Status, diagnose
from sequent_sa.projections.projector_states import ProjectorStates
from sequent_sa.replay import replay_state
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from sequent_sa.tables import aggregates_that_need_snapshots, projector_states, store_state
from sequent_sa.tables.schema import VIEW_VERSION_TABLE
from tests.blog import new_app
from tests.databases import Database, PostgreSQLDatabases, SQLiteDatabases
from tests.integration.test_replay import add_posts, context, upgraded
from tests.integration.test_snapshots import opened
from tests.ledger import Move
from tests.ledger import new_app as new_ledger


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """A store that was made by migrations."""
    return migrated_database


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The blog, with nothing left to do."""
    app = new_app(database.url)
    app.create_all()
    app.register_types()
    yield app
    app.engine.dispose()


def troubles(app: Sequent, alembic_ini: Path | None = None) -> list[Finding]:
    """What is not as it should be. The server of the tests is fast rather than safe: its settings are left out."""
    return [each for each in diagnose(app, alembic_ini) if each.status is not Status.OK and each.check != "settings"]


def trouble(app: Sequent) -> Finding:
    """The one thing that is not as it should be."""
    (found,) = troubles(app)
    return found


def test_there_is_nothing_to_find_where_all_is_well(app: Sequent) -> None:
    """Every check says what it saw."""
    add_posts(app, 2)

    found = list(diagnose(app))

    assert [] == troubles(app)
    assert {
        "application",
        "database",
        "settings",
        "event store",
        "view tables",
        "projectors",
        "replay",
        "types",
        "snapshots",
        "partition keys",
        "partitions",
        "positions",
    } == {finding.check for finding in found}


def test_looking_changes_nothing(app: Sequent) -> None:
    """The same is found twice, and a command runs in between."""
    before = list(diagnose(app))
    add_posts(app, 1)
    assert before == list(diagnose(app))


def test_a_database_that_is_not_there(sqlite_databases: SQLiteDatabases, tmp_path: Path) -> None:
    """It is not made by looking, and nothing more is said."""
    app = new_app(f"sqlite:///{tmp_path}/none.db")
    assert ("database", Status.ERROR, "sequent db create") == (
        trouble(app).check,
        trouble(app).status,
        trouble(app).fix,
    )
    assert [] == list(tmp_path.iterdir())


def test_a_server_that_cannot_be_reached() -> None:
    """It is named, and the password is not."""
    app = new_app("postgresql://ben:secret@127.0.0.1:1/blog")
    assert "127.0.0.1" in trouble(app).text
    assert "secret" not in str(list(diagnose(app)))
    nameless = trouble(new_app("postgresql://ben:secret@127.0.0.1:1"))
    assert (Status.ERROR, True) == (nameless.status, "the database URL names no database" in nameless.text)


def test_a_database_in_memory_is_gone_with_the_process() -> None:
    """That is a warning; without tables the rest cannot be looked at."""
    app = new_app("sqlite://")
    try:
        memory, store = troubles(app)
    finally:
        app.engine.dispose()
    assert ("database", Status.WARNING) == (memory.check, memory.status)
    assert "sequent db create-event-store" in store.text


@pytest.mark.parametrize("revision", ["0000", None])
def test_an_event_store_of_another_version(app: Sequent, revision: str | None) -> None:
    """One that this code does not know, or none at all."""
    with app.engine.begin() as connection:
        schema = "sequent_schema." if app.engine.dialect.name == "postgresql" else ""
        if revision is None:
            connection.execute(text(f"DELETE FROM {schema}event_store_version"))
        else:
            connection.execute(text(f"UPDATE {schema}event_store_version SET version_num = '{revision}'"))
    found = trouble(app)
    assert ("event store", Status.ERROR) == (found.check, found.status)
    assert ("install a newer" if revision else "create-event-store") in found.text


def test_an_event_store_that_may_only_be_read(app: Sequent) -> None:
    """Commands would fail: of a standby, with a user without the rights, or on a file that is protected."""
    statement = "SET default_transaction_read_only = on"
    if app.engine.dialect.name == "sqlite":
        statement = "PRAGMA query_only = ON"
    app.engine.dispose()

    @event.listens_for(app.engine.pool, "connect")
    def only_reads(connection: DBAPIConnection, _: object) -> None:
        connection.cursor().execute(statement)
        connection.commit()

    found = trouble(app)
    assert ("event store", Status.ERROR) == (found.check, found.status)
    assert "the database says: " in found.text
    assert "at what its user may do there" in str(found.fix)


def test_a_view_table_that_is_gone(app: Sequent) -> None:
    """It is named."""
    with app.engine.begin() as connection:
        schema = "view_schema." if app.engine.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TABLE {schema}post_records"))
    found = trouble(app)
    assert ("view tables", Status.ERROR) == (found.check, found.status)
    assert "post_records" in found.text


def test_view_migrations_that_cannot_be_read(app: Sequent, tmp_path: Path) -> None:
    """Doctor goes on after a revision with a mistake, a missing env.py and a missing alembic.ini, and says so."""
    (tmp_path / "env.py").touch()
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions/0001.py").write_text("if\n")
    (found,) = troubles(app, tmp_path)
    assert ("view tables", Status.ERROR) == (found.check, found.status)
    assert "the migrations cannot be imported: SyntaxError" in found.text
    (tmp_path / "env.py").rename(tmp_path / "gone.py")
    assert "is neither an alembic.ini nor a directory with an env.py" in troubles(app, tmp_path)[0].text
    with app.engine.begin() as connection:
        schema = "view_schema." if app.engine.dialect.name == "postgresql" else ""
        connection.execute(text(f"CREATE TABLE {schema}{VIEW_VERSION_TABLE} (version_num text)"))
    assert "the view tables were made by migrations, and there is no alembic.ini here" in trouble(app).text


@pytest.mark.parametrize(
    ("versions", "status", "expected"),
    [
        ({"active_version": 7}, Status.ERROR, "version 7 is active"),
        ({"active_version": 1, "activating_version": 2}, Status.WARNING, "version 2 is going live"),
        ({"active_version": None}, Status.WARNING, "deactivated"),
        ({"active_version": None, "replaying_version": 1}, Status.ERROR, "version none is active"),
    ],
)
def test_versions_of_projectors(app: Sequent, versions: dict[str, int | None], status: Status, expected: str) -> None:
    """Commands of this code are refused, or its projector gets no events."""
    with app.engine.begin() as connection:
        connection.execute(update(projector_states).values(versions))
    found = trouble(app)
    assert ("projectors", status) == (found.check, found.status)
    assert expected in found.text


def test_projectors_that_only_one_side_knows(app: Sequent, database: Database) -> None:
    """One that the code lacks stops all of its commands, and one that the database lacks gets no events."""
    with app.engine.begin() as connection:
        connection.execute(update(projector_states).values(name="OldProjector"))
    missing, unknown = troubles(app)
    assert ("never activated", Status.ERROR) == (missing.text.split(": ")[1], missing.status)
    assert "sequent projectors deactivate OldProjector" in str(unknown.fix)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        ProjectorStates(app.dialect).deactivate(connection, ["OldProjector"])
    assert missing == trouble(app)


def test_a_replay_in_progress(app: Sequent, database: Database) -> None:
    """What waits, and a failure with its reason."""
    add_posts(app, 1)
    new = upgraded(database)
    Replay.create(context(new), new.projectors).prepare()
    found = trouble(app)
    assert ("replay", Status.WARNING, True) == (found.check, found.status, "is in progress: prepared" in found.text)

    with app.engine.begin() as connection:
        row = replay_state.in_progress(connection)
        assert row is not None
        error = {"type": "ValueError", "message": "no such\n  post"}
        replay_state.set_state(connection, row.id, State.FAILED, error=error)
    assert ("replay", Status.ERROR) == (trouble(app).check, trouble(app).status)
    assert "no such post" in trouble(app).text
    new.engine.dispose()


def test_stored_types_without_class(app: Sequent, database: Database) -> None:
    """Events and aggregates that nobody can read any more are named, unless they are retired."""
    add_posts(app, 1)
    other = Sequent(database.url, retired_events=["CommentAdded"], environment="test")
    events, aggregates = (each for each in troubles(other) if each.check == "types")
    other.engine.dispose()
    assert (Status.ERROR, Status.ERROR) == (events.status, aggregates.status)
    assert events.text.endswith("events of PostAdded, PostTitleChanged")
    assert "retired_events=['PostAdded']" in str(events.fix)
    assert aggregates.text.endswith("aggregates of Post")


def test_types_that_are_not_registered(database: Database) -> None:
    """They are counted, and some of them named."""
    app = new_app(database.url)
    app.create_all()
    assert ("types", Status.WARNING, "sequent types register") == (
        trouble(app).check,
        trouble(app).status,
        trouble(app).fix,
    )
    assert "8 are not registered yet: AddComment, AddPost, CommentAdded, ..." == trouble(app).text
    app.register_types()
    assert [] == troubles(app)
    app.engine.dispose()


@pytest.fixture
def ledger(database: Database) -> Iterator[Sequent]:
    """Accounts that need snapshots and have partition keys."""
    app = new_ledger(database.url)
    app.create_all()
    app.register_types()
    yield app
    app.engine.dispose()


def test_snapshots_that_are_wanted(ledger: Sequent) -> None:
    """How many, and the command that takes them."""
    for _ in range(2):
        opened(ledger, "a", "b")
    found = trouble(ledger)
    assert ("snapshots", Status.WARNING, "sequent snapshots take 2") == (found.check, found.status, found.fix)
    ledger.snapshots.take(2)
    assert [] == troubles(ledger)
    with ledger.engine.begin() as connection:
        connection.execute(update(aggregates_that_need_snapshots).values(snapshot_version=0))  # by older code
    assert [] == troubles(ledger)
    ledger.register_types()
    assert "sequent snapshots take 2" == trouble(ledger).fix


def test_partition_keys_that_changed(ledger: Sequent) -> None:
    """How many, and the command that moves the events."""
    aggregate_id = opened(ledger)
    ledger.execute_commands(Move(aggregate_id=aggregate_id, iban=f"BE{aggregate_id}"))
    found = trouble(ledger)
    assert ("partition keys", Status.WARNING) == (found.check, found.status)
    assert "sequent aggregates update-partition-keys 1" == found.fix
    ledger.partitions.update_keys(1)
    assert [] == troubles(ledger)


def test_keys_without_a_partition(postgresql_databases: PostgreSQLDatabases) -> None:
    """Where some keys have partitions, those that have none are pointed out."""
    ledger = new_ledger(postgresql_databases.create_migrated().url)
    ledger.create_all()
    ledger.register_types()
    opened(ledger)
    assert [] == troubles(ledger)
    ledger.partitions.create("BE")
    found = trouble(ledger)
    assert ("partitions", Status.WARNING, "sequent aggregates partitions create NL") == (
        found.check,
        found.status,
        found.fix,
    )
    ledger.partitions.create("NL")
    assert [] == troubles(ledger)
    ledger.engine.dispose()


def test_a_restored_database(postgresql_databases: PostgreSQLDatabases) -> None:
    """Readers of events must not go on before somebody says so."""
    app = new_ledger(postgresql_databases.create_migrated().url)
    app.create_all()
    app.register_types()
    with app.engine.begin() as connection:
        connection.execute(update(store_state).values(system_identifier="another"))
    found = trouble(app)
    assert ("positions", Status.ERROR, "sequent db after-restore") == (found.check, found.status, found.fix)
    app.event_log.after_restore()
    assert [] == troubles(app)
    app.engine.dispose()


def test_doubtful_settings_of_postgresql(postgresql_databases: PostgreSQLDatabases) -> None:
    """What they would cost is said."""
    app = new_ledger(postgresql_databases.create_migrated().url)
    app.create_all()
    app.register_types()
    with app.engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {app.engine.url.database} SET synchronous_commit = off"))
    app.engine.dispose()
    found = [each.text for each in diagnose(app) if (each.check, each.status) == ("settings", Status.WARNING)]
    app.engine.dispose()
    assert "synchronous_commit is off: a crash of the server may lose what was committed last" in found


def test_doubtful_settings_of_sqlite(sqlite_databases: SQLiteDatabases) -> None:
    """Each of those that every connection is given, where something else has changed it."""
    app = new_ledger(sqlite_databases.create_migrated().url)
    with app.engine.connect() as connection:
        assert [] == list(app.dialect.doubtful_settings(connection))
        connection.rollback()
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        for setting in ("foreign_keys = OFF", "synchronous = OFF", "journal_mode = DELETE"):
            driver.execute(f"PRAGMA {setting}")
        names = [each.partition(" is ")[0] for each in app.dialect.doubtful_settings(connection)]
    app.engine.dispose()
    assert ["journal_mode", "foreign_keys", "synchronous"] == names
