"""The event store's own history of migrations."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import Engine, text

from sequent_sa import tables
from sequent_sa.database import (
    EVENT_STORE_VERSION_TABLE,
    check_event_store,
    event_store_revision,
    upgrade_event_store,
)
from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import DatabaseNotReady
from tests.databases import Database, Databases
from tests.migrations.catalogs import catalog
from tests.migrations.command_line import CHECKOUT, Run
from tests.migrations.store import store_post


def _created_from_core(databases: Databases) -> Engine:
    engine = databases.create().engine
    tables.metadata.create_all(dialect_of(engine).configure(engine))
    return engine


def test_migrations_and_core_tables_make_the_same_catalog(databases: Databases) -> None:
    """A migrated database has exactly what `create_all` makes: tables, keys, indexes, views, triggers, functions."""
    expected = catalog(_created_from_core(databases))
    actual = catalog(databases.create_migrated().engine, ignoring=EVENT_STORE_VERSION_TABLE)
    assert expected == actual
    assert all(expected.values())


def test_creating_from_core_twice_changes_nothing(databases: Databases) -> None:
    """`create_all` on a database that has everything already is harmless."""
    engine = _created_from_core(databases)
    before = catalog(engine)
    tables.metadata.create_all(dialect_of(engine).configure(engine))
    assert before == catalog(engine)


def test_dropping_from_core_leaves_nothing(databases: Databases) -> None:
    """`drop_all` takes views, triggers and functions along."""
    engine = _created_from_core(databases)
    tables.metadata.drop_all(dialect_of(engine).configure(engine))
    left = [row for rows in catalog(engine, ignoring="sqlite_sequence").values() for row in rows]
    assert [] == left


def test_upgrading_twice_changes_nothing(migrated_database: Database) -> None:
    """A database that is at the latest revision stays as it is."""
    before = catalog(migrated_database.engine)
    upgrade_event_store(migrated_database.engine)
    assert before == catalog(migrated_database.engine)
    current, head = event_store_revision(migrated_database.engine)
    assert head == current


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_command_line_upgrades_and_then_finds_nothing_to_do(database: Database, alembic: Run, how: str) -> None:
    """`alembic upgrade head` works in the checkout, twice, and `alembic check` is clean afterwards."""
    url = database.url.replace("postgresql+psycopg://", "postgresql://")
    option = ["-x", f"url={url}"] if how == "option" else []
    environment = {"DATABASE_URL": url} if how == "environment" else {}
    for command in (["upgrade", "head"], ["upgrade", "head"], ["check"]):
        result = alembic(*option, *command, **environment)
        assert result.returncode == 0, result.stderr
    check_event_store(database.engine)


def test_the_command_line_asks_for_a_database(alembic: Run) -> None:
    """Without a URL there is one clear line, and no traceback."""
    result = alembic("upgrade", "head")
    assert "give `-x url=...`" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert result.returncode != 0


def test_a_downgrade_refuses_to_destroy_events(store: Engine, migrated_database: Database, alembic: Run) -> None:
    """While an event exists, a downgrade fails and changes nothing; `-x destroy-events=yes` overrules that."""
    with dialect_of(store).writing(store) as connection, connection.begin():
        store_post(connection)
    before = catalog(store)
    url = ["-x", f"url={migrated_database.url}"]

    refused = alembic(*url, "downgrade", "base")
    assert refused.returncode != 0
    assert "destroy-events=yes" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    assert before == catalog(store)

    destroyed = alembic(*url, "-x", "destroy-events=yes", "downgrade", "base")
    assert destroyed.returncode == 0, destroyed.stderr
    assert (None, "0001") == event_store_revision(store)
    upgrade_event_store(store)
    assert before == catalog(store)


def test_an_empty_store_can_be_downgraded(migrated_database: Database, alembic: Run) -> None:
    """Without events nothing is lost, and no option is needed."""
    result = alembic("-x", f"url={migrated_database.url}", "downgrade", "base")
    assert result.returncode == 0, result.stderr


def test_the_written_sql_makes_the_same_store(postgresql_databases: Databases, alembic: Run) -> None:
    """`alembic upgrade head --sql` writes a script for PostgreSQL that does what the upgrade does."""
    script = alembic("upgrade", "head", "--sql")
    assert script.returncode == 0, script.stderr
    engine = postgresql_databases.create().engine
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(script.stdout)
        driver.commit()
    assert catalog(postgresql_databases.create_migrated().engine) == catalog(engine)
    check_event_store(engine)


def test_a_downgrade_is_not_written_as_sql_without_asking(alembic: Run) -> None:
    """A script cannot look for events, so it must be asked for what it destroys."""
    refused = alembic("downgrade", "head:base", "--sql")
    assert refused.returncode != 0
    assert "DROP TABLE" not in refused.stdout
    asked = alembic("-x", "destroy-events=yes", "downgrade", "head:base", "--sql")
    assert "DROP TABLE sequent_schema.events" in asked.stdout


def test_a_store_that_is_missing_says_what_to_type(database: Database) -> None:
    """A database without an event store is reported with the command that makes it."""
    with pytest.raises(DatabaseNotReady, match="sequent db create-event-store"):
        check_event_store(database.engine)


def test_a_store_from_the_future_says_what_to_do(store: Engine) -> None:
    """A revision that this version does not know asks for a newer package."""
    schema = "sequent_schema." if store.dialect.name == "postgresql" else ""
    with store.begin() as connection:
        connection.execute(text(f"UPDATE {schema}{EVENT_STORE_VERSION_TABLE} SET version_num = '9999'"))
    for use in (check_event_store, upgrade_event_store):
        with pytest.raises(DatabaseNotReady, match="newer sequent-sa"):
            use(store)


_UPGRADE = """
import sys
from sqlalchemy import create_engine
from sequent_sa.database import check_event_store, upgrade_event_store
print("ready", flush=True)
sys.stdin.readline()
engine = create_engine(sys.argv[1])
upgrade_event_store(engine)
check_event_store(engine)
"""


def test_processes_that_upgrade_at_once_wait_for_each_other(database: Database) -> None:
    """Several processes started together on an empty database all succeed, and the store is made once."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _UPGRADE, database.url],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert [("", 0)] * 3 == results


def test_the_migrations_of_the_checkout_are_no_package() -> None:
    """With an `__init__.py` the directory would hide the library of the same name."""
    assert [] == list((CHECKOUT / "alembic").rglob("__init__.py"))
