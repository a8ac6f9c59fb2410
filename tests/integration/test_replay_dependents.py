"""What depends on replaced tables is made anew, or named before it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
from sqlalchemy import Connection, text

from sequent_sa import ReplayError, Sequent
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from tests import blog
from tests.databases import Database, SQLiteDatabases
from tests.integration.test_replay import add_posts, context, go_through, titles
from tests.integration.view_catalog import run

_NOTES = "CREATE TABLE {schema}notes (post {uuid} REFERENCES {schema}post_records ON DELETE CASCADE)"
NAMED = {
    "foreign key notes_post_fkey of notes, which is not rebuilt, to post_records": _NOTES,
    "materialized view reporting.summary": "CREATE MATERIALIZED VIEW reporting.summary AS "
    "SELECT author FROM view_schema.post_records",
    "function reporting.first": "CREATE FUNCTION reporting.first() RETURNS view_schema.post_records LANGUAGE sql "
    "AS 'SELECT * FROM view_schema.post_records LIMIT 1'",
    "column post of table reporting.kept": "CREATE TABLE reporting.kept (post view_schema.post_records)",
    "policy seen on table reporting.other": "CREATE TABLE reporting.other (id int); "
    "CREATE POLICY seen ON reporting.other USING (EXISTS (SELECT 1 FROM view_schema.post_records))",
    "post_records is a part of every, which is not rebuilt": "CREATE TABLE view_schema.every (aggregate_id uuid); "
    "ALTER TABLE view_schema.post_records INHERIT view_schema.every",
}


@pytest.mark.parametrize("name", NAMED)
def test_what_would_break_is_named_before_anything_is_made(postgresql: Sequent, name: str) -> None:
    """The replay stays created, and can begin when the dependent is gone."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    add_posts(postgresql, 1)
    run(postgresql.engine, *NAMED[name].format(schema="view_schema.", uuid="uuid").split("; "))
    replay = Replay.create(context(postgresql), postgresql.projectors)
    with pytest.raises(ReplayError, match=name):
        replay.prepare()
    assert State.CREATED == replay.state
    assert [("ben 0", 1)] == titles(postgresql)
    replay.abort()


class LookingAfter(blog.PostProjector, name="PostProjector", keep_indexes=["kept_*"]):
    """Changes the copies, and makes a materialized view anew."""

    fails: ClassVar[bool] = False

    @classmethod
    def after_prepare(cls, connection: Connection) -> None:
        connection.execute(text("ALTER TABLE post_records ADD COLUMN hooked int DEFAULT 7"))
        connection.execute(text("CREATE INDEX kept_hooked ON post_records (hooked)"))
        connection.execute(text("CREATE INDEX dropped_hooked ON post_records (hooked)"))

    @classmethod
    def after_swap(cls, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP MATERIALIZED VIEW reporting.summary"))
            connection.execute(
                text(
                    "CREATE MATERIALIZED VIEW reporting.summary AS SELECT author, hooked FROM view_schema.post_records"
                )
            )
        if cls.fails:
            raise RuntimeError("not today")


def test_hooks_change_the_copies_and_what_depends_on_them(postgresql: Sequent) -> None:
    """What `after_prepare` did survives; `after_swap` makes dependents anew; when it fails nothing has changed."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    add_posts(postgresql, 2)
    run(
        postgresql.engine,
        "CREATE MATERIALIZED VIEW reporting.summary AS SELECT author FROM view_schema.post_records",
        "CREATE VIEW reporting.plain AS SELECT title FROM view_schema.post_records",
    )
    replay = Replay.create(context(postgresql, projectors=(LookingAfter,)), [LookingAfter])
    replay.prepare()
    replay.run()
    with postgresql.engine.connect() as connection:
        indexes = connection.scalars(text("SELECT indexname FROM pg_indexes WHERE schemaname = 'replay_schema'")).all()
    assert {"post_records_pkey", "kept_hooked"} == {name for name in indexes if not name.startswith("sequent_")}
    replay.optimize()
    LookingAfter.fails = True
    with pytest.raises(RuntimeError, match="not today"):
        replay.go_live()
    assert State.OPTIMIZED == replay.state
    LookingAfter.fails = False
    replay.go_live()
    with postgresql.engine.connect() as connection:
        assert [("ben", 7)] * 2 == connection.execute(text("SELECT * FROM reporting.summary")).all()
        assert ["ben 0", "ben 1"] == connection.scalars(text("SELECT title FROM reporting.plain ORDER BY 1")).all()
        live = connection.scalars(text("SELECT indexname FROM pg_indexes WHERE schemaname = 'view_schema'")).all()
    assert {"post_records_pkey", "kept_hooked", "dropped_hooked"} == set(live)
    add_posts(postgresql, 1, "kim")
    with postgresql.engine.connect() as connection:
        assert 3 == connection.scalar(text("SELECT count(*) FROM reporting.plain"))


def test_a_definition_that_changed_meanwhile_is_not_lost(postgresql: Sequent) -> None:
    """An index that was made on the live table, or what uses it, stops going live; privileges that were given stay."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    add_posts(postgresql, 1)
    replay = Replay.create(context(postgresql), postgresql.projectors)
    replay.prepare()
    run(
        postgresql.engine,
        "GRANT SELECT ON view_schema.post_records TO sequent_reader",
        "CREATE INDEX late ON view_schema.post_records (title)",
    )
    replay.run()
    replay.optimize()
    with pytest.raises(ReplayError, match="the definition of post_records was changed after the replay was prepared"):
        replay.go_live()
    run(
        postgresql.engine,
        "DROP INDEX view_schema.late",
        "CREATE MATERIALIZED VIEW reporting.late AS SELECT author FROM view_schema.post_records",
    )
    with pytest.raises(ReplayError, match=r"uses a table that is replaced. .*: materialized view reporting.late"):
        replay.go_live()
    assert State.OPTIMIZED == replay.state
    run(postgresql.engine, "DROP MATERIALIZED VIEW reporting.late")
    replay.go_live()
    with postgresql.engine.connect() as connection:
        assert connection.scalar(
            text("SELECT has_table_privilege('sequent_reader', 'view_schema.post_records', 'SELECT')")
        )


def test_a_migration_of_a_table_that_is_not_replayed_is_refused(app: Sequent, database: Database) -> None:
    """It is named, and the replay stays created."""
    schema = "view_schema." if database.is_postgresql else ""
    run(app.engine, f"CREATE TABLE {schema}notes (id int)")

    class AlterNotes:
        version_table = "view_version"

        def upgrade(self, connection: Connection) -> None:
            """Changes a table that has no projector."""
            place = "replay_schema." if database.is_postgresql else ""
            connection.execute(text(f"ALTER TABLE {place}notes ADD COLUMN text text"))

    replay = Replay.create(context(app, migrations=AlterNotes()), app.projectors)
    with pytest.raises(ReplayError, match="the pending view migrations change notes, which is not replayed"):
        replay.prepare()
    assert State.CREATED == replay.state
    replay.abort()


@pytest.fixture
def sqlite(sqlite_databases: SQLiteDatabases) -> Iterator[Sequent]:
    """The blog on SQLite."""
    app = blog.new_app(sqlite_databases.create().url)
    app.create_all()
    yield app
    app.engine.dispose()


SQLITE = (
    "CREATE TABLE post_records (aggregate_id char(32) NOT NULL PRIMARY KEY, author text NOT NULL, title text, "
    "comments integer NOT NULL DEFAULT 0, shouted text AS (upper(title)) STORED, "
    "CHECK (author NOT LIKE '%nobody%')) STRICT, WITHOUT ROWID",
    "CREATE INDEX by_title ON post_records (lower(title) DESC) WHERE title LIKE 'b%'",
    "CREATE TABLE notes (post char(32) REFERENCES post_records ON DELETE CASCADE)",
    "CREATE TABLE strict_notes (post char(32) REFERENCES post_records ON DELETE RESTRICT)",
    "CREATE VIRTUAL TABLE found USING fts5(title, content='')",
    "CREATE TRIGGER filled AFTER INSERT ON post_records BEGIN "
    "INSERT INTO found(rowid, title) VALUES (abs(random()), NEW.author); END",
    "CREATE VIEW summaries AS SELECT author, count(*) AS posts FROM post_records GROUP BY author",
)


def test_a_replay_on_sqlite_changes_rows_only(sqlite: Sequent) -> None:
    """Definitions stay as they are written, and rows elsewhere that refer to the table are kept."""
    run(sqlite.engine, "DROP TABLE post_records", *(each.replace("char(32)", "text") for each in SQLITE))
    add_posts(sqlite, 4)
    run(
        sqlite.engine,
        "INSERT INTO notes SELECT aggregate_id FROM post_records",
        "INSERT INTO strict_notes SELECT aggregate_id FROM post_records",
    )
    definitions = text("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1, 2")
    with sqlite.engine.connect() as connection:
        before = connection.execute(definitions).all()
    rows = titles(sqlite)
    go_through(Replay.create(context(sqlite), sqlite.projectors))
    assert rows == titles(sqlite)
    with sqlite.engine.connect() as connection:
        assert before == connection.execute(definitions).all()
        assert [(4, 4)] == connection.execute(
            text("SELECT (SELECT count(*) FROM notes), (SELECT count(*) FROM strict_notes)")
        ).all()
        assert ["BEN 0"] == connection.scalars(text("SELECT shouted FROM post_records WHERE title = 'ben 0'")).all()
        assert 8 == connection.scalar(text("SELECT count(*) FROM found WHERE found MATCH 'ben'"))


def test_rows_on_sqlite_that_would_refer_to_nothing_stop_going_live(sqlite: Sequent) -> None:
    """The row is named, and everything is as before."""
    add_posts(sqlite, 2)
    run(
        sqlite.engine,
        "CREATE TABLE notes (post char(32) REFERENCES post_records)",
        "INSERT INTO post_records VALUES ('ffffffffffffffffffffffffffffffff', 'by hand', 'by hand', 0)",
        "INSERT INTO notes SELECT aggregate_id FROM post_records",
    )
    replay = Replay.create(context(sqlite), sqlite.projectors)
    replay.prepare()
    replay.run()
    replay.optimize()
    with pytest.raises(ReplayError, match="a row of notes would refer to no row of post_records any more"):
        replay.go_live()
    assert 3 == len(titles(sqlite))
    run(sqlite.engine, "DELETE FROM notes WHERE post = 'ffffffffffffffffffffffffffffffff'")
    replay.go_live()
    assert 2 == len(titles(sqlite))
