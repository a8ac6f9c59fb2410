"""A table that changed while its projector's version did not is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Computed,
    Enum,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    select,
    update,
)
from sqlalchemy.orm import registry
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import NullType, TypeEngine

from sequent_sa import Projector, Sequent
from sequent_sa.projections.projector_states import ProjectorStates, changed_definitions
from sequent_sa.replay.engine import Replay
from sequent_sa.tables import projector_states
from tests import blog
from tests.blog import PostProjector
from tests.databases import Database
from tests.integration.command_line import CommandLine, Done
from tests.integration.test_replay import add_posts, context, go_through


def projector(*columns: SchemaItem, version: int = 1) -> type[Projector]:
    """A projector of one table with these columns besides its key."""
    table = Table("things", MetaData(schema="view_schema"), Column("aggregate_id", Uuid(), primary_key=True), *columns)
    record = type("Thing", (), {})
    registry().map_imperatively(record, table)

    class Things(Projector, manages_tables=(record,)):
        """Handles nothing."""

    Things.version = version
    return Things


def noticed(app: Sequent, before: type[Projector], now: type[Projector]) -> Sequence[str]:
    """What is said about the projector of now, when the one of before is active."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        ProjectorStates(app.dialect).register_active(connection, [before])
    with app.engine.connect() as connection:
        return changed_definitions(connection, now)


def title(*rest: SchemaItem, of_type: TypeEngine[Any] | None = None, **options: Any) -> Column[Any]:
    """A column; without options as it was before."""
    return Column("title", of_type or String(20), *rest, **{"nullable": False, **options})


def author(**options: Any) -> Column[Any]:
    """Another one."""
    return Column("author", Integer(), **options)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (lambda: [title(), author()], "things.author is new"),
        (list[SchemaItem], "things.title is gone"),
        (lambda: [title(of_type=String(30))], "things.title is VARCHAR(30) NOT NULL, and was VARCHAR(20) NOT NULL"),
        (lambda: [title(nullable=True)], "things.title is VARCHAR(20), and was"),
        (lambda: [title(server_default="x")], "things.title is VARCHAR(20) NOT NULL DEFAULT x, and was"),
        (lambda: [title(primary_key=True)], "things.title is VARCHAR(20) PRIMARY KEY, and was"),
        (lambda: [title(Computed("'a' || 'b'"))], "things.title is VARCHAR(20) NOT NULL GENERATED ('a' || 'b')"),
        (lambda: [title(Identity(), of_type=Integer())], "things.title is INTEGER NOT NULL IDENTITY, and was"),
        (lambda: [title(of_type=Enum("a", "b", name="kind"))], "(a, b) NOT NULL, and was"),
        (lambda: [title(of_type=NullType())], "things.title is unknown NOT NULL, and was"),
    ],
    ids=["new", "gone", "type", "nullable", "default", "key", "computed", "identity", "enum", "unknown"],
)
def test_what_is_a_change(app: Sequent, columns: Callable[[], list[SchemaItem]], expected: str) -> None:
    """Columns, their types, and what is in them when nobody says: each is named."""
    (found,) = noticed(app, projector(title()), projector(*columns()))
    assert expected in found


def test_what_is_no_change(app: Sequent) -> None:
    """Indexes, foreign keys, comments, Python's own defaults and the order of columns are free; so is a new version."""
    before = projector(title(), author())
    other = Column("author", Integer(), ForeignKey("other.id"), comment="whose", default=1)
    assert [] == noticed(app, before, projector(other, title(unique=True, index=True, default="")))
    assert [] == noticed(app, before, projector(version=2))
    second = projector(title(), author(), version=2)
    assert ["things.author is gone"] == noticed(app, second, projector(title(), version=2))


def test_tables_that_come_and_go(app: Sequent) -> None:
    """A projector that manages other tables than before has changed as well."""

    class Things(Projector, manages_tables=None):
        """The same without a table."""

    assert ["things is gone"] == noticed(app, projector(title()), Things)
    assert ["things is new"] == noticed(app, Things, projector(title()))


def test_a_replay_makes_it_good(app: Sequent) -> None:
    """Its tables are those of the code that went live; an abort, and being deactivated, change nothing about that."""
    add_posts(app, 2)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(projector_states).values(table_definitions={"post_records": {}}))

    def changed() -> bool:
        with app.engine.connect() as connection:
            return bool(changed_definitions(connection, PostProjector))

    assert changed()
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    replay.abort()
    assert changed()
    go_through(Replay.create(context(app), app.projectors))
    assert not changed()
    with app.dialect.writing(app.engine) as connection, connection.begin():
        ProjectorStates(app.dialect).deactivate(connection, ["PostProjector"])
    assert not changed()


def test_a_store_that_does_not_know_is_silent(app: Sequent) -> None:
    """Sequent's own, for example, notes no definitions."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(projector_states).values(table_definitions=None))
    with app.engine.connect() as connection:
        assert [] == changed_definitions(connection, PostProjector)


def test_the_list_warns(migrated_database: Database, command_line: CommandLine) -> None:
    """On stderr, with what to type; `--json` has it as data."""
    app = blog.new_app(migrated_database.url)
    app.create_all()

    def listed(words: str = "") -> Done:
        done = command_line(f"projectors list {words}", url=migrated_database.url)
        assert 0 == done.status
        return done

    heading = "projector      version  state     tables\n"
    assert (f"{heading}PostProjector  1        active 1  post_records\n", "") == (listed().out, listed().err)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        definitions: Any = connection.scalar(select(projector_states.c.table_definitions))
        del definitions["post_records"]["comments"]
        connection.execute(update(projector_states).values(table_definitions=definitions))
    expected = (
        "Warning: PostProjector has had version 1 since before its tables changed (post_records.comments is new): "
        "raise its version, or replay it as it is with `sequent projectors replay all PostProjector`\n"
    )
    done = listed()
    assert expected == done.err
    assert "PostProjector  1        active 1, tables changed  post_records" == done.out.splitlines()[1]
    (found,) = map(json.loads, listed("--json").out.splitlines())
    assert {
        "name": "PostProjector",
        "version": 1,
        "active": 1,
        "activating": None,
        "replaying": None,
        "tables": ["post_records"],
        "changed": ["post_records.comments is new"],
    } == found
    app.engine.dispose()
