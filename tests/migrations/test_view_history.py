"""An application's history of view tables, beside the event store's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Text, create_engine, inspect, select, text

from sequent_sa import RecordHooks
from sequent_sa.database import ViewHistory, create_view_schema, event_store_revision, upgrade_views, view_revision
from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.tables import metadata
from tests.databases import Database, Databases
from tests.migrations.application import CHANGED_RECORDS, Application

_VIEWS = {"author_records", "post_records"}


def _tables(application: Application) -> set[str]:
    return set(inspect(application.engine).get_table_names(application.schema))


def _columns(connection: Connection, table: str, schema: str | None) -> list[str]:
    return sorted(column["name"] for column in inspect(connection).get_columns(table, schema))


def test_plain_alembic_writes_and_runs_the_very_first_revision(application: Application) -> None:
    """On a fresh database autogenerate sees the view records and nothing of the event store, which it brings up."""
    first = application.generate("first")
    assert first.count("op.create_table(") == len(_VIEWS)
    assert [] == [table.name for table in metadata.tables.values() if f"'{table.name}'" in first]
    assert "sequent_sa.UtcDateTime()" in first
    assert "sequent_sa.ExactDecimal()" in first
    application.alembic("upgrade", "head")
    application.alembic("check")
    assert _tables(application) >= _VIEWS
    current, head = event_store_revision(application.engine)
    assert head == current


def test_a_change_of_the_records_becomes_a_revision_that_runs_both_ways(application: Application) -> None:
    """Columns, NOT NULL, indexes and unique keys are changed, and changed back, with rows in place."""
    application.generate("first")
    application.alembic("upgrade", "head")
    key = "1" * 32
    authors, posts = application.name("author_records"), application.name("post_records")
    with application.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {authors} (aggregate_id, email) VALUES ('{key}', 'a@b.c')"))
        row = f"('{key}', '{key}', 'Hi')"
        connection.execute(text(f"INSERT INTO {posts} (aggregate_id, author_id, title) VALUES {row}"))
    application.write(CHANGED_RECORDS)
    second = application.generate("second")
    assert "op.create_table(" not in second
    application.alembic("upgrade", "head")
    application.alembic("check")
    with application.engine.begin() as connection:
        assert [("Hi", 0)] == connection.execute(text(f"SELECT title, words FROM {posts}")).all()
    foreign_keys = inspect(application.engine).get_foreign_keys("post_records", application.schema)
    assert ["author_records"] == [key["referred_table"] for key in foreign_keys]
    application.alembic("downgrade", "-1")
    with application.engine.begin() as connection:
        assert [("Hi",)] == connection.execute(text(f"SELECT title FROM {posts}")).all()
        assert "words" not in _columns(connection, "post_records", application.schema)


def test_tables_that_are_no_records_stay(application: Application) -> None:
    """Tables of the surrounding application are nothing that a revision removes, wherever they lie."""
    env = application.directory / "alembic" / "env.py"
    env.write_text(env.read_text().replace("target_metadata", "other_tables=['customers'], target_metadata"))
    with application.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (id integer PRIMARY KEY)")

    assert "customers" not in application.generate("first")

    application.alembic("upgrade", "head")
    application.alembic("check")
    with application.database.engine.connect() as connection:
        assert [] == connection.exec_driver_sql("SELECT id FROM customers").all()


def test_the_two_histories_leave_each_other_alone(application: Application) -> None:
    """Going back to nothing in the application's history keeps the event store."""
    application.generate("first")
    application.alembic("upgrade", "head")
    application.alembic("downgrade", "base")
    assert not _VIEWS & _tables(application)
    current, head = event_store_revision(application.engine)
    assert head == current


_EVERY_OPERATION = """
posts = sa.table("post_records", sa.column("id"), sa.column("title"), schema="view_schema")
op.add_column("post_records", sa.Column("words", sa.Integer, nullable=False, server_default="7"), schema="view_schema")
op.create_index("post_title", "post_records", ["title"], schema="view_schema")
op.execute(posts.update().values(title="changed"))
with op.batch_alter_table("post_records", schema="view_schema") as batch:
    batch.alter_column("title", existing_type=sa.String(), nullable=False, new_column_name="headline")
    batch.drop_column("draft")
op.drop_index("post_title", "post_records", schema="view_schema")
op.rename_table("post_records", "article_records", schema="view_schema")
op.create_table("scratch", sa.Column("id", sa.Integer), schema="view_schema")
op.drop_table("scratch", schema="view_schema")
"""


def test_every_operation_works_in_a_revision_that_names_the_view_schema(posts: Application) -> None:
    """Tables, columns, indexes, names and rows are changed on both databases by one text."""
    upgrade_views(posts.engine, posts.history)
    with posts.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {posts.name('post_records')} (id, title) VALUES (1, 'before')"))
    posts.add(_EVERY_OPERATION)
    upgrade_views(posts.engine, posts.history)
    assert view_revision(posts.engine, posts.history) == ("0002", "0002")
    with posts.engine.begin() as connection:
        assert ["author_id", "headline", "id", "words"] == _columns(connection, "article_records", posts.schema)
        rows = connection.execute(text(f"SELECT headline, words FROM {posts.name('article_records')}")).all()
        assert [("changed", 7)] == rows


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql_databases: Databases) -> Application:
    """An application on PostgreSQL with a table that has been made, and a revision with every operation pending."""
    application = Application(tmp_path / "copied", postgresql_databases.create())
    application.add(
        """
op.create_table(
    "post_records",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String),
    sa.Column("draft", sa.Boolean),
    schema="view_schema",
)
"""
    )
    upgrade_views(application.engine, application.history)
    application.add(_EVERY_OPERATION)
    return application


@pytest.fixture
def copies(on_postgresql: Application) -> Iterator[Connection]:
    """A connection that sees copies, in a schema of their own, as the view schema."""
    with on_postgresql.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA replay_schema"))
        for name in ("post_records", "view_version"):
            connection.execute(text(f"CREATE TABLE replay_schema.{name} (LIKE view_schema.{name} INCLUDING ALL)"))
        connection.execute(text("INSERT INTO replay_schema.view_version SELECT * FROM view_schema.view_version"))
    engine = on_postgresql.engine.execution_options(schema_translate_map={"view_schema": "replay_schema"})
    with engine.begin() as connection:
        yield connection


def test_migrations_on_copies_do_not_touch_the_live_tables(on_postgresql: Application, copies: Connection) -> None:
    """With a translated schema every operation meets the copies, and so does the revision's number."""
    ViewHistory(on_postgresql.history).upgrade(copies)
    assert ["headline", "id", "words"] == _columns(copies, "article_records", "replay_schema")
    assert ["draft", "id", "title"] == _columns(copies, "post_records", "view_schema")
    numbers = [
        copies.scalar(text(f"SELECT version_num FROM {name}_schema.view_version")) for name in ("view", "replay")
    ]
    assert numbers == ["0001", "0002"]


def test_a_migration_that_fails_changes_nothing(posts: Application) -> None:
    """All pending revisions run in one transaction."""
    posts.add('op.drop_table("post_records", schema="view_schema")\nraise RuntimeError("stop")')
    with pytest.raises(RuntimeError, match="stop"):
        upgrade_views(posts.engine, posts.history)
    assert not _VIEWS & _tables(posts)
    assert view_revision(posts.engine, posts.history) == (None, "0002")


def test_a_stamped_revision_is_not_run(posts: Application) -> None:
    """Stamping notes the revision and creates nothing; the directory with env.py is as good as alembic.ini."""
    create_view_schema(posts.engine)
    history = ViewHistory(posts.directory / "alembic")
    with dialect_of(posts.engine).writing(posts.engine) as connection, connection.begin():
        history.stamp(connection)
        assert history.revision(connection) == ("0001", "0001")
    assert not _VIEWS & _tables(posts)


def test_rows_without_their_reference_are_refused(posts: Application) -> None:
    """Foreign keys hold at the end of a migration, also on SQLite, where they are off while tables are made anew."""
    upgrade_views(posts.engine, posts.history)
    posts.add(
        'records = sa.table("post_records", sa.column("id"), sa.column("author_id"), schema="view_schema")\n'
        "op.execute(records.insert().values(id=1, author_id=99))"
    )
    with pytest.raises(Exception, match=r"author_records|post_author"):
        upgrade_views(posts.engine, posts.history)
    assert view_revision(posts.engine, posts.history) == ("0001", "0002")


def test_several_latest_revisions_are_an_error_that_names_them(posts: Application) -> None:
    """A history is a line."""
    posts.add("pass")
    posts.add("pass", revision="other", after="0001")
    with pytest.raises(ConfigurationError, match=r"0002, other|other, 0002"):
        view_revision(posts.engine, posts.history)


def test_a_place_without_migrations_is_an_error_that_names_it(database: Database, tmp_path: Path) -> None:
    """The message says where the command belongs."""
    with pytest.raises(ConfigurationError, match="neither an alembic"):
        view_revision(database.engine, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("alembic.ini", b"nonsense\n", "cannot be read: File contains no section headers"),
        ("alembic.ini", b"[alembic]\n", "cannot be read: No 'script_location' key"),
        ("alembic.ini", b"[alembic]\nscript_location = nowhere\n", "cannot be read: Path doesn't exist: nowhere"),
        ("alembic.ini", b"[alembic]\nscript_location = %(nope)s\n", "cannot be read: Bad value substitution"),
        ("alembic.ini", b"\xff\xff", "cannot be read: 'utf-8' codec"),
        ("alembic/versions/b.py", b"revision = 'b'\ndown_revision = 'a'\n", "cannot be read: Revision a referenced"),
        ("alembic/env.py", None, r"env\.py is missing: it runs the migrations"),
    ],
)
def test_migrations_that_cannot_be_read_are_an_error_that_names_them(
    tmp_path: Path, path: str, content: bytes | None, expected: str
) -> None:
    """Before anything is run, and without a word about Alembic's insides."""
    (tmp_path / "alembic/versions").mkdir(parents=True)
    (tmp_path / "alembic/env.py").touch()
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\n")
    (tmp_path / path).unlink(missing_ok=True) if content is None else (tmp_path / path).write_bytes(content)
    engine = create_engine("sqlite://")
    with pytest.raises(ConfigurationError, match=expected):
        view_revision(engine, tmp_path / "alembic.ini")
    with pytest.raises(ConfigurationError, match=expected), engine.connect() as connection:
        ViewHistory(tmp_path / "alembic.ini").upgrade(connection)
    engine.dispose()


def test_a_revision_adds_columns_to_commands_and_events(application: Application) -> None:
    """As record hooks need them; a comparison afterwards finds nothing to change."""
    found = re.search(r"^revision[^=]*= ['\"](\w+)['\"]", application.generate("records"), re.MULTILINE)
    assert found is not None
    application.add(
        """
for table in ("commands", "events"):
    op.add_column(table, sa.Column("tenant", sa.Text), schema="sequent_schema")
""",
        after=found[1],
    )
    application.alembic("upgrade", "head")
    hooks = RecordHooks(
        commands={Column("tenant", Text): lambda _: "acme"}, events={Column("tenant", Text): lambda _: "acme"}
    )
    with application.engine.connect() as connection:
        for table in (hooks.commands_table, hooks.events_table):
            assert [] == connection.execute(select(table.c.tenant)).all()
    application.alembic("check")
