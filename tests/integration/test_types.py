"""The names of types: stored when they are first used, or before."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Table, select

from sequent_sa import ConcurrencyError, Sequent, tables
from tests import ledger
from tests.blog import AddComment, AddPost
from tests.databases import Database
from tests.integration.command_line import CommandLine

TABLES = (tables.command_types, tables.aggregate_types, tables.event_types)


def stored(app: Sequent, table: Table) -> dict[str, int]:
    """The ids of the types that are stored."""
    with app.engine.connect() as connection:
        return dict(tuple(row) for row in connection.execute(select(table.c.type, table.c.id)))


def test_all_types_are_registered(app: Sequent) -> None:
    """Commands, aggregates and events, each once; using them adds none."""
    new = app.register_types()
    found = [stored(app, table) for table in TABLES]
    assert new == sum(map(len, found))
    assert {"AddPost", "AddComment", "RenamePost"} <= found[0].keys()
    assert {"Post"} <= found[1].keys()
    assert {"PostAdded", "CommentAdded"} <= found[2].keys()
    assert 0 == app.register_types()
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="x"))
    assert found == [stored(app, table) for table in TABLES]


def test_ids_are_not_used_up(app: Sequent) -> None:
    """They are small: asking for what is stored takes none."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="x"))
    for _ in range(3):
        fresh = app.on(app.engine.url.render_as_string(hide_password=False))  # which has seen no type yet
        fresh.execute_commands(AddComment(aggregate_id=post_id, text="x"))
        fresh.register_types()
        fresh.engine.dispose()
    for table in TABLES:
        numbers = sorted(stored(app, table).values())
        assert numbers == list(range(1, len(numbers) + 1))


def test_types_that_are_gone_are_stored_again(app: Sequent) -> None:
    """When a database is emptied under the application the first command says so, and the next one works."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="x"))
    kept = (tables.store_state, tables.projector_states)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        for table in reversed(tables.metadata.sorted_tables):
            if table not in kept:
                connection.execute(table.delete())
    command = AddPost(aggregate_id=app.new_uuid(), author="ben", title="x")
    with pytest.raises(ConcurrencyError, match="a type that was stored before is gone"):
        app.execute_commands(command)
    app.execute_commands(command)
    assert {"AddPost"} == stored(app, tables.command_types).keys()


def test_two_register_at_once(app: Sequent) -> None:
    """Each type is stored once, and both go on."""
    others = [app.on(app.engine.url.render_as_string(hide_password=False)) for _ in range(2)]
    together = threading.Barrier(2)
    failed: list[BaseException] = []

    def register(other: Sequent) -> None:
        together.wait()
        try:
            other.register_types()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=register, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failed
    assert 0 == app.register_types()
    for other in others:
        other.engine.dispose()


def test_new_snapshot_versions_are_registered(database: Database) -> None:
    """What had a snapshot needs one of the version that the code has now."""
    old = ledger.new_app(database.url)
    old.create_all()
    account_id = old.new_uuid()
    old.execute_commands(ledger.OpenAccount(aggregate_id=account_id, iban="NL1"))
    old.snapshots.take_one(account_id)
    new = ledger.new_app(database.url, "version_2")
    new.register_types()
    assert [account_id] == list(new.snapshots.outdated())
    for app in (old, new):
        app.engine.dispose()


def test_the_command_line(migrated_database: Database, command_line: CommandLine) -> None:
    """Says how many were new."""

    def register() -> str:
        (line,) = command_line("types register", url=migrated_database.url).lines()
        return line

    assert int(register().removesuffix(" types were new")) > 5
    assert "0 types were new" == register()
