"""The databases that every other test leans on."""

from __future__ import annotations

import subprocess
import sys

from sqlalchemy import inspect, text

from tests.databases import Database, Databases


def test_a_database_is_of_the_kind_it_says(database: Database) -> None:
    """The test's id, the name and the engine agree on which database this is."""
    assert (database.name, database.is_postgresql) == (database.engine.name, database.engine.name == "postgresql")


def test_a_database_is_empty(database: Database) -> None:
    """Nothing of the event store is there before it is migrated."""
    assert [] == inspect(database.engine).get_table_names()


def test_databases_are_apart(databases: Databases) -> None:
    """A table in one database is not in another one of the same test."""
    first, second = databases.create(), databases.create()
    with first.engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_in_first (id integer)"))
    assert (["only_in_first"], []) == tuple(inspect(each.engine).get_table_names() for each in (first, second))


def test_the_url_works_in_another_process(database: Database) -> None:
    """A subprocess that is given the URL sees what was committed here."""
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (note text)"))
        connection.execute(text("INSERT INTO notes VALUES ('seen')"))
    program = (
        "import sys; from sqlalchemy import create_engine, text\n"
        "with create_engine(sys.argv[1]).connect() as c: print(c.scalar(text('SELECT note FROM notes')))"
    )
    done = subprocess.run([sys.executable, "-c", program, database.url], check=True, capture_output=True, text=True)
    assert done.stdout == "seen\n"


def test_a_migrated_database_can_be_made_twice(databases: Databases) -> None:
    """Both copies have the same tables, and one of them at least is the event store's."""
    first, second = databases.create_migrated(), databases.create_migrated()
    schema = "sequent_schema" if first.is_postgresql else None
    tables = [set(inspect(each.engine).get_table_names(schema=schema)) for each in (first, second)]
    assert tables[0] == tables[1]
    assert {"events", "commands", "aggregates"} <= tables[0]
