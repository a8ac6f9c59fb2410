"""`sequent projectors verify` finds rows that are not what the events say, beside the running application."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest
from sqlalchemy import JSON, delete, insert, text, update
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import Projector, ReplayError, Sequent, ViewRecordBase, on
from sequent_sa.projections.projector_states import read_states
from sequent_sa.replay import replay_state
from sequent_sa.replay.drift import Difference, verify
from tests import blog
from tests.blog import AddPost, PostAdded, PostRecord
from tests.databases import Database
from tests.integration.command_line import CommandLine, Done
from tests.integration.test_concurrency import ADD_POSTS, ROOT
from tests.integration.test_replay import add_posts, context, titles, upgraded, wait_for_rows


def differences(app: Sequent, projector: type[Projector] = blog.PostProjector, **options: object) -> list[Difference]:
    """What a comparison of one projector's tables finds."""
    found: list[Difference] = []
    number = verify(
        context(app, projectors=(projector,), **options), [projector], found.append, lambda _: None, lambda _: None
    )
    assert number == len(found)
    return found


def change(app: Sequent, database: Database, statement: str) -> None:
    """Change the live table by hand."""
    table = "view_schema.post_records" if database.is_postgresql else "post_records"
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(text(statement.format(table=table)))


def test_rows_that_were_changed_by_hand_are_found(app: Sequent, database: Database) -> None:
    """A changed, a removed and an added row, each with its key; the live tables and states stay as they are."""
    ids = sorted(add_posts(app, 12), key=str)
    assert [] == differences(app)
    change(app, database, "UPDATE {table} SET title = 'by hand' WHERE title = 'ben 3'")
    change(app, database, "DELETE FROM {table} WHERE title = 'ben 5'")
    change(app, database, "UPDATE {table} SET comments = 7 WHERE title = 'ben 7'")
    before = titles(app)
    found = differences(app)
    assert {("ben 3", "by hand"), ("ben 5", None), ("ben 7", "ben 7")} == {
        (row.replayed and row.replayed["title"], row.live and row.live["title"]) for row in found
    }
    assert {1, 7} == {row.live["comments"] for row in found if row.live}
    assert all(row.key["aggregate_id"] in ids for row in found)
    assert before == titles(app)
    with app.engine.connect() as connection:
        state = read_states(connection)["PostProjector"]
        assert replay_state.in_progress(connection) is None
    assert (1, None) == (state.active_version, state.replaying_version)


class DocumentBase(ViewRecordBase):
    __abstract__ = True


class Document(DocumentBase):
    __tablename__ = "documents"

    number: Mapped[int] = mapped_column(primary_key=True, init=False)
    data: Mapped[dict[str, Any]] = mapped_column(JSON())


class DocumentProjector(Projector, manages_tables=(Document,)):
    """Writes rows whose key the database counts."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(Document, data={"author": event.author, "tags": ["a", {"b": None}]})


def test_documents_with_counted_keys_are_compared(database: Database) -> None:
    """Not by the key, of which a replay makes another; equal rows are counted, and JSON is compared as such."""
    app = Sequent(
        database.url, command_handlers=[blog.PostCommandHandler], projectors=[DocumentProjector], environment="test"
    )
    app.create_all()
    for number, author in enumerate(("ben", "ben", "kim")):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=author, title=str(number)))
    full, empty = ["a", {"b": None}], list[Any]()
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(delete(Document).where(Document.number == 1))
        connection.execute(insert(Document).values(number=17, data={"author": "ben", "tags": full}))
    assert [] == differences(app, DocumentProjector)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(Document).where(Document.number == 17).values(data={"author": "ben", "tags": empty}))
        connection.execute(delete(Document).where(Document.number == 3))

    def described(row: Mapping[str, Any]) -> tuple[str, list[Any], int]:
        return row["data"]["author"], row["data"]["tags"], row["rows"]

    found = differences(app, DocumentProjector)
    assert all(row.key == {} for row in found)
    live = sorted((described(row.live) for row in found if row.live), key=str)
    replayed = sorted((described(row.replayed) for row in found if row.replayed), key=str)
    assert [("ben", full, 1), ("ben", empty, 1)] == live
    assert [("ben", full, 2), ("kim", full, 1)] == replayed
    app.engine.dispose()


class RandomProjector(blog.PostProjector, name="PostProjector"):
    """A projector that makes something else of the same events each time."""

    numbers = count()

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        author = f"author {next(self.numbers)}"
        self.create_record(PostRecord, aggregate_id=event.aggregate_id, author=author)


def test_a_projector_that_is_not_deterministic_is_found(app: Sequent) -> None:
    """Every row that it wrote differs."""
    add_posts(app, 3)
    assert ["author"] * 3 == [
        name
        for row in differences(app, RandomProjector)
        for name in row.live or ()
        if row.replayed and row.live and row.live[name] != row.replayed[name]
    ]


def test_only_what_is_active_can_be_compared(app: Sequent, database: Database) -> None:
    """Code of another version says so and begins nothing."""
    add_posts(app, 1)
    new = upgraded(database)
    with pytest.raises(ReplayError, match="PostProjector version 2 is not active"):
        differences(new, new.projectors[0])
    with new.engine.connect() as connection:
        assert replay_state.latest(connection) is None
    new.engine.dispose()


def test_a_comparison_beside_writers_finds_nothing(app: Sequent, database: Database) -> None:
    """What is committed while it runs is on both sides or on neither; one difference stays one."""
    add_posts(app, 2)
    writers = [
        subprocess.Popen([sys.executable, "-c", ADD_POSTS, database.url, name, "100000"], cwd=ROOT)
        for name in ("left", "right")
    ]
    try:
        wait_for_rows(app, 10)
        assert [] == differences(app)
        change(app, database, "UPDATE {table} SET title = 'by hand' WHERE title = 'ben 1'")
        assert ["by hand"] == [row.live["title"] for row in differences(app) if row.live]
        assert all(writer.poll() is None for writer in writers)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


def test_the_command_says_what_differs(migrated_database: Database, command_line: CommandLine) -> None:
    """The exit status tells a script, `--json` what it can read; a misspelt name is a clear error."""

    def compare(words: str = "") -> Done:
        return command_line(f"projectors verify {words}", url=migrated_database.url)

    app = blog.new_app(migrated_database.url)
    app.create_all()
    ids = add_posts(app, 3)
    good = compare()
    assert (0, "the tables hold what the events say\n") == (good.status, good.out), good.err
    change(app, migrated_database, "UPDATE {table} SET title = 'by hand' WHERE title IN ('ben 1', 'ben 2')")
    bad = compare("PostProjector --limit 1")
    assert 1 == bad.status
    assert "title is 'by hand', a replay gives 'ben" in bad.out
    assert "... and 1 more" in bad.out
    lines: list[dict[str, Any]] = [json.loads(line) for line in compare("--json").out.splitlines()]
    assert {"differences": 2} == lines[-1]
    found = [line["difference"] for line in lines if "difference" in line]
    assert {str(each) for each in ids[1:]} == {each["key"]["aggregate_id"] for each in found}
    assert {"run", "catch up"} <= {line["progress"]["step"] for line in lines if "progress" in line}
    assert (1, "Error: Nobody is no projector of this application: it has PostProjector") == (
        compare("Nobody").status,
        compare("Nobody").err.strip(),
    )
    app.engine.dispose()
