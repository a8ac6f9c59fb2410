"""What a replay does with views, sequences, the order of rows, publications and hooks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

import pytest
from sqlalchemy import Connection, inspect, select, text, update

from sequent_sa import ReplayError, Sequent
from sequent_sa.dialects.dialect import Doing
from sequent_sa.dialects.postgresql.shadow_tables import PostgreSQLShadowTables as ShadowTables
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.meter import Progress
from sequent_sa.replay.replay_state import State
from sequent_sa.tables import replay_states
from tests import blog
from tests.databases import SQLiteDatabases
from tests.integration.test_replay import add_posts, context, go_through, titles
from tests.integration.view_catalog import run

TABLE = """CREATE TABLE {schema}base_posts (aggregate_id {uuid} NOT NULL PRIMARY KEY, author text NOT NULL, title text,
    comments int NOT NULL DEFAULT 0)"""
VIEW = "CREATE VIEW {schema}post_records AS SELECT aggregate_id, author, title, comments FROM {schema}base_posts"


@pytest.fixture
def sqlite(sqlite_databases: SQLiteDatabases) -> Iterator[Sequent]:
    """The blog on SQLite."""
    app = blog.new_app(sqlite_databases.create().url)
    app.create_all()
    yield app
    app.engine.dispose()


def test_a_view_can_be_managed_as_a_table(postgresql: Sequent) -> None:
    """What it reads is rebuilt with it, and it is a view again."""
    run(postgresql.engine, *(each.format(schema="view_schema.", uuid="uuid") for each in (TABLE, VIEW)))
    add_posts(postgresql, 4)
    before = titles(postgresql)
    go_through(Replay.create(context(postgresql), postgresql.projectors))
    assert before == titles(postgresql)
    with postgresql.engine.connect() as connection:
        assert {"post_records"} == set(inspect(connection).get_view_names(schema="view_schema"))
        assert 4 == connection.scalar(text("SELECT count(*) FROM view_schema.base_posts"))
    add_posts(postgresql, 1, "kim")
    assert 5 == len(titles(postgresql))


def test_a_view_can_be_managed_as_a_table_on_sqlite(sqlite: Sequent) -> None:
    """With the triggers by which it is written."""
    run(
        sqlite.engine,
        "DROP TABLE post_records",
        *(each.format(schema="", uuid="char(32)") for each in (TABLE, VIEW)),
        "CREATE TRIGGER inserted INSTEAD OF INSERT ON post_records BEGIN INSERT INTO base_posts "
        "VALUES (NEW.aggregate_id, NEW.author, NEW.title, NEW.comments); END",
        "CREATE TRIGGER updated INSTEAD OF UPDATE ON post_records BEGIN UPDATE base_posts SET title = NEW.title, "
        "comments = NEW.comments WHERE aggregate_id = NEW.aggregate_id; END",
    )
    add_posts(sqlite, 4)
    before = titles(sqlite)
    go_through(Replay.create(context(sqlite), sqlite.projectors))
    assert (4, before) == (len(before), titles(sqlite))
    add_posts(sqlite, 1, "kim")
    assert 5 == len(titles(sqlite))


COUNTED = """CREATE TABLE view_schema.post_records (aggregate_id uuid PRIMARY KEY, author text NOT NULL, title text,
    comments int NOT NULL DEFAULT 0, number bigserial UNIQUE, other int GENERATED ALWAYS AS IDENTITY (INCREMENT -1))"""


def test_sequences_go_on_behind_every_number_that_was_given(postgresql: Sequent) -> None:
    """Of the old table as well as of the new one, whichever went further."""
    run(postgresql.engine, COUNTED)
    add_posts(postgresql, 3)
    run(postgresql.engine, "SELECT setval('view_schema.post_records_number_seq', 100)")
    numbers = text("SELECT number, other FROM view_schema.post_records ORDER BY number DESC LIMIT 1")
    for expected in ((101, -4), (102, -5)):
        go_through(Replay.create(context(postgresql), postgresql.projectors))
        add_posts(postgresql, 1, f"later {expected[0]}")
        with postgresql.engine.connect() as connection:
            assert expected == tuple(connection.execute(numbers).one())


def test_rows_lie_in_the_order_of_a_clustered_index(postgresql: Sequent) -> None:
    """A table that is marked with CLUSTER is clustered when it is optimized, and stays marked."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    run(
        postgresql.engine,
        "CREATE INDEX by_title ON view_schema.post_records (title)",
        "ALTER TABLE view_schema.post_records CLUSTER ON by_title",
    )
    for name in "czabd":
        add_posts(postgresql, 1, name)
    shown: list[Progress] = []
    go_through(Replay.create(context(postgresql), postgresql.projectors, watch=shown.append))
    doing = [
        "CREATE INDEX by_title ON post_records USING btree (title)",
        "ALTER TABLE ONLY post_records CLUSTER ON by_title",
    ]
    doing += [f'{what} replay_schema."post_records"' for what in ("CLUSTER", "VACUUM (ANALYZE)")]
    expected = [("optimize", what, place, 3 if place < 2 else 4) for place, what in enumerate(doing)]
    assert expected == [(each.step, each.doing, each.groups_done, each.groups) for each in shown if each.doing]
    with postgresql.engine.connect() as connection:
        found = connection.scalars(text("SELECT title FROM view_schema.post_records ORDER BY ctid")).all()
        marked = connection.scalar(
            text("SELECT indisclustered FROM pg_index WHERE indexrelid = 'view_schema.by_title'::regclass")
        )
    assert (["a 0", "b 0", "c 0", "d 0", "z 0"], True) == (found, marked)


def test_publications_are_named_at_prepare(postgresql: Sequent) -> None:
    """Each with what its subscribers must do; one that this user cannot change is refused before anything is made."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    add_posts(postgresql, 1)
    run(
        postgresql.engine,
        "CREATE TABLE view_schema.other (id int)",
        "CREATE PUBLICATION one FOR TABLE view_schema.post_records, view_schema.other",
        "CREATE PUBLICATION whole FOR TABLES IN SCHEMA view_schema",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE PUBLICATION elsewhere FOR TABLE view_schema.other",
    )
    said: list[str] = []
    replay = Replay.create(context(postgresql), postgresql.projectors, said.append)
    replay.prepare()
    assert [
        "publication everything is of all tables, so that it publishes the copies as well",
        "publication one has post_records",
        "publication whole is of all tables in view_schema",
        "prepared post_records",
    ] == [each.partition(":")[0] for each in said]
    assert ["REFRESH PUBLICATION"] * 2 == [each[-19:] for each in said[1:3]]
    replay.abort()


def test_a_publication_of_somebody_else_is_refused(postgresql: Sequent) -> None:
    """Going live would need it to be changed."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    run(
        postgresql.engine,
        "CREATE PUBLICATION theirs FOR TABLE view_schema.post_records",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sequent_plain') THEN "
        "CREATE ROLE sequent_plain; END IF; END $$",
        "GRANT CREATE ON DATABASE " + str(postgresql.engine.url.database) + " TO sequent_plain",
        "GRANT ALL ON SCHEMA sequent_schema, view_schema TO sequent_plain",
        "GRANT ALL ON ALL TABLES IN SCHEMA sequent_schema TO sequent_plain",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA sequent_schema TO sequent_plain",
        "ALTER TABLE view_schema.post_records OWNER TO sequent_plain",
    )
    plain = postgresql.on(
        postgresql.engine.url.update_query_dict({"options": "-c role=sequent_plain"}).render_as_string(False)
    )
    replay = Replay.create(context(plain), plain.projectors)
    with pytest.raises(ReplayError, match="publication theirs, of which post_records is a part, belongs to"):
        replay.prepare()
    assert State.CREATED == replay.state
    replay.abort()
    plain.engine.dispose()
    run(postgresql.engine, "REASSIGN OWNED BY sequent_plain TO CURRENT_USER", "DROP OWNED BY sequent_plain")


class LookingAfter(blog.PostProjector, name="PostProjector", keep_indexes=["kept_*"]):
    """Changes the copies, and does something when they are live."""

    fails: ClassVar[bool] = False

    @classmethod
    def after_prepare(cls, connection: Connection) -> None:
        connection.execute(text("ALTER TABLE post_records ADD COLUMN hooked int DEFAULT 7"))
        connection.execute(text("CREATE INDEX kept_hooked ON post_records (hooked)"))
        connection.execute(text("CREATE INDEX dropped_hooked ON post_records (hooked)"))

    @classmethod
    def after_swap(cls, connection: Connection) -> None:
        connection.execute(text("CREATE TABLE IF NOT EXISTS swapped (rows int)"))
        connection.execute(text("INSERT INTO swapped SELECT count(*) FROM post_records WHERE hooked = 7"))
        if cls.fails:
            raise RuntimeError("not today")


def test_hooks_on_sqlite(sqlite: Sequent) -> None:
    """They work as on PostgreSQL: indexes are kept while loading, and a hook that fails leaves everything as it was."""
    add_posts(sqlite, 2)
    shown: list[Progress] = []
    replay = Replay.create(context(sqlite, projectors=(LookingAfter,)), [LookingAfter], watch=shown.append)
    replay.prepare()
    replay.run()
    with closing(sqlite3.connect(f"{sqlite.engine.url.database}-replay")) as file:
        found = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert {"kept_hooked"} == {name for name in found if "hooked" in name}
    shown.clear()
    replay.optimize()
    assert [
        ("optimize", "CREATE INDEX dropped_hooked ON post_records (hooked)", 0, 2),
        ("optimize", "ANALYZE", 1, 2),
    ] == [(each.step, each.doing, each.groups_done, each.groups) for each in shown]

    def live() -> tuple[set[str | None], bool, bool]:
        inspector = inspect(sqlite.engine)
        columns = {column["name"] for column in inspector.get_columns("post_records")}
        indexes = {index["name"] for index in inspector.get_indexes("post_records")}
        return indexes, "hooked" in columns, inspector.has_table("swapped")

    LookingAfter.fails = True
    with pytest.raises(RuntimeError, match="not today"):
        replay.go_live()
    assert (set(), False, False) == live()
    assert State.OPTIMIZED == replay.state
    LookingAfter.fails = False
    replay.go_live()
    assert ({"kept_hooked", "dropped_hooked"}, True, True) == live()
    with sqlite.engine.connect() as connection:
        assert [2] == connection.scalars(text("SELECT rows FROM swapped")).all()
    assert 2 == len(titles(sqlite))


VACUUMED = text("""
    SELECT vacuum_count, relpages, relallvisible FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid
     WHERE c.oid = 'replay_schema.post_records'::regclass
""")


def test_tables_are_vacuumed_and_the_state_is_looked_at_again(postgresql: Sequent) -> None:
    """Vacuuming takes no transaction, so somebody may have ended the replay meanwhile: it stays ended."""
    blog.ViewRecord.metadata.create_all(postgresql.engine)
    add_posts(postgresql, 3)
    replay = Replay.create(context(postgresql), postgresql.projectors)
    replay.prepare()
    replay.run()
    vacuum, vacuumed = ShadowTables.optimize, list[object]()

    def optimize(twins: ShadowTables, doing: Doing) -> None:
        vacuum(twins, doing)
        with postgresql.engine.begin() as connection:
            vacuumed.extend(connection.execute(VACUUMED).one())
            connection.execute(update(replay_states).values(state=State.ABORTED.value))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShadowTables, "optimize", optimize)
        with pytest.raises(ReplayError, match="this one is aborted"):
            replay.optimize()
    count, pages, visible = vacuumed
    assert (1, pages) == (count, visible)  # so that indexes alone can answer
    with postgresql.engine.connect() as connection:
        assert "aborted" == connection.scalar(select(replay_states.c.state))
