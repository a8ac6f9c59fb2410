"""A new application, from `sequent new` to its own passing tests, command by command as a user types them."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.acceptance.command_line import CommandLine
from tests.databases import Database, Databases


@pytest.fixture
def command_line(database: Database, tmp_path: Path) -> CommandLine:
    """In an empty directory, with DATABASE_URL naming an empty database."""
    return CommandLine(tmp_path, DATABASE_URL=database.url)


@pytest.fixture
def application(command_line: CommandLine) -> CommandLine:
    """In a new application whose database is ready."""
    command_line.succeeds("sequent new blog")
    inside = command_line.inside("blog")
    for command in ("db create", "db create-view-schema", "migrate online", "migrate offline"):
        inside.succeeds(f"sequent {command}")
    return inside


ADD_A_POST = """
from blog.app import app
from blog.domain.post import AddPost
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="Ben", title="Hi", content="Hello world!"))
"""

COUNT = """
import json
from sqlalchemy import func, select
from blog.app import app
from blog.records import PostRecord
with app.session() as session:
    print(json.dumps([[record.title, record.content] for record in session.scalars(select(PostRecord))]))
"""


def test_the_seed_flow(database: Database, command_line: CommandLine) -> None:
    """Every command of the README succeeds, and the application's three tests pass."""
    said = command_line.succeeds("sequent new blog")
    assert "cd blog" in said
    blog = command_line.inside("blog")

    blog.succeeds("sequent db create")
    assert "already exists" in blog.succeeds("sequent db create")
    try:
        assert "Created the database" in blog.with_environment(SEQUENT_ENV="test").succeeds("sequent db create")
        assert "already exists" in blog.with_environment(SEQUENT_ENV="test").succeeds("sequent db create")
        for command in ("db create-view-schema", "migrate online", "migrate offline"):
            blog.succeeds(f"sequent {command}")
        assert "3 passed" in blog.succeeds("python -m pytest -p no:cacheprovider")
        listed = " ".join(blog.succeeds("sequent projectors list").split())
        assert "PostProjector 1 active 1 post_records" in listed
        blog.python(ADD_A_POST)
        assert [["Hi", "Hello world!"]] == json.loads(blog.python(COUNT))
    finally:
        dropped = blog.with_environment(SEQUENT_ENV="test").succeeds("sequent db drop --yes")
    assert "Removed the database" in dropped


def test_a_database_that_exists_gets_its_event_store(command_line: CommandLine) -> None:
    """`create-view-schema` needs an event store and says how to get it; then it succeeds."""
    command_line.succeeds("sequent new blog")
    blog = command_line.inside("blog")

    refused = blog.fails("sequent db create-view-schema")
    assert "sequent db create-event-store" in refused or "sequent db create" in refused

    blog.succeeds("sequent db create-event-store")
    blog.succeeds("sequent db create-view-schema")


def test_every_step_may_be_repeated(application: CommandLine) -> None:
    """Somebody who is not sure whether a step was made makes it again, and nothing is lost."""
    application.python(ADD_A_POST)

    for command in ("create", "create-event-store", "create-view-schema", "migrate"):
        application.succeeds(f"sequent db {command}")
    application.succeeds("sequent migrate online")
    application.succeeds("sequent migrate offline")
    application.succeeds("sequent migrate status")

    assert [["Hi", "Hello world!"]] == json.loads(application.python(COUNT))


def test_plain_alembic_brings_an_empty_database_up(command_line: CommandLine, database: Database) -> None:
    """`alembic upgrade head` in the application needs nothing before it, and finds no differences after it."""
    command_line.succeeds("sequent new blog")
    blog = command_line.inside("blog")

    blog.succeeds("alembic upgrade head")
    assert "No new upgrade operations detected" in blog.succeeds("alembic check")

    with database.engine.connect() as connection:
        assert 0 == connection.scalar(text(f"SELECT count(*) FROM {_view('post_records', connection)}"))


def test_the_very_first_revision_can_be_generated(command_line: CommandLine) -> None:
    """Without any revision, autogenerate writes what the shipped one says, and nothing about the event store."""
    command_line.succeeds("sequent new blog")
    blog = command_line.inside("blog")
    shipped = blog.directory / "alembic" / "versions" / "0001_create_post_records.py"
    shipped.unlink()

    blog.succeeds("alembic revision --autogenerate -m 'create post records'")

    (generated,) = shipped.parent.glob("*_create_post_records.py")
    written = generated.read_text()
    assert ["create_table"] == re.findall(r"op\.(create\w+|add\w+|drop\w+|alter\w+|execute)", _upgrade(written))
    assert all(part in written for part in ('"post_records"', "view_schema")) or "'post_records'" in written
    blog.succeeds("alembic upgrade head")
    blog.succeeds("alembic check")


def test_a_changed_projector_goes_live_with_its_new_column(application: CommandLine) -> None:
    """After `migrate online` and `offline` the new column is filled for posts from before."""
    application.python(ADD_A_POST)
    record = application.directory / "blog/records/post_record.py"
    record.write_text(record.read_text() + "    words: Mapped[int] = mapped_column(default=0, server_default='0')\n")
    projector = application.directory / "blog/projectors/post_projector.py"
    projector.write_text(
        projector.read_text()
        .replace("version=1", "version=2")
        .replace('{"content": event.content}', '{"content": event.content, "words": len(event.content.split())}')
    )
    application.succeeds("alembic revision --autogenerate -m words")

    pending = application.run("sequent migrate status")
    assert (1, "next: sequent migrate online") == (pending.returncode, pending.stdout.splitlines()[-1])
    application.succeeds("sequent migrate online")
    application.succeeds("sequent migrate offline")
    application.succeeds("sequent migrate status")

    assert [2] == json.loads(application.python(COUNT.replace("[record.title, record.content]", "record.words")))
    assert "active 2" in application.succeeds("sequent projectors list")


def test_the_database_can_be_dropped(databases: Databases, tmp_path: Path) -> None:
    """A question comes first; production has to be named as well."""
    url = databases.create().url
    CommandLine(tmp_path).succeeds("sequent new blog")
    blog = CommandLine(tmp_path / "blog", DATABASE_URL=url)
    blog.succeeds("sequent db create")

    assert "nothing was removed" in blog.fails("sequent db drop", stdin="n\n")
    production = blog.with_environment(SEQUENT_ENV="production")
    assert "--yes-drop-production" in production.fails("sequent db drop --yes")
    assert "already exists" in blog.succeeds("sequent db create")

    assert "Removed the database" in production.succeeds("sequent db drop --yes --yes-drop-production")
    assert "There is no database" in blog.succeeds("sequent db drop --yes")
    assert "Created the database" in blog.succeeds("sequent db create")
    assert "Removed the database" in blog.succeeds("sequent db drop", stdin="y\n")
    blog.succeeds("sequent db create")  # the fixture removes its database itself


def test_a_server_that_cannot_be_reached_is_one_line_without_the_password(tmp_path: Path) -> None:
    """Every command that needs the database says so, with neither a traceback nor a password."""
    CommandLine(tmp_path).succeeds("sequent new blog")
    blog = CommandLine(tmp_path / "blog", DATABASE_URL="postgresql://ben:secret@127.0.0.1:1/blog")

    for command in ("db create", "db create-event-store", "db create-view-schema", "migrate online", "migrate status"):
        said = blog.fails(f"sequent {command}")
        assert "127.0.0.1" in said
        assert "secret" not in said


def _view(table: str, connection: Connection) -> str:
    return table if connection.dialect.name == "sqlite" else f"view_schema.{table}"


def _upgrade(revision: str) -> str:
    return revision.partition("def upgrade")[2].partition("def downgrade")[0]


def test_a_command_can_be_tried(application: CommandLine) -> None:
    """`sequent dry-run` shows events, handlers and rows, and stores nothing; mistakes are one line."""
    given = '{"aggregate_id": "0198c0de-0000-7000-8000-000000000001", "author": "Ben", "title": "Hi", "content": "x"}'
    said = application.succeeds(f"sequent dry-run blog.AddPost --deep --json '{given}'")
    assert "PostAdded(" in said
    assert "projectors: PostProjector" in said
    assert "table post_records" in said
    assert "[]" == application.python(COUNT).strip()

    assert "there is no one command 'blog.AddPots'" in application.fails("sequent dry-run blog.AddPots")
    assert "--json is no JSON" in application.fails("sequent dry-run AddPost --json '{'")
    assert "--json must be an object" in application.fails("sequent dry-run AddPost --json '[1]'")
    assert '"author": [' in application.fails("sequent dry-run blog.AddPost --json '{}'")


def test_what_happened_can_be_followed(application: CommandLine) -> None:
    """`show`, `events` and `audit` tell what was stored and why; mistakes are one line."""
    application.python(ADD_A_POST)
    events = application.succeeds("sequent events")
    (line,) = [line for line in events.splitlines() if " PostTitleChanged " in line]
    assert '{"title": "Hi"}' in line
    _, event, *_ = line.split()
    post_id, _, number = event.partition("/")

    shown = application.succeeds(f"sequent show {post_id}")
    assert "PostAdded" in shown
    assert f"Post {post_id}, version 4" in shown
    assert "  title = 'Hi'" in shown
    assert "no aggregate is stored" in application.fails(f"sequent show {post_id} --until 2020-01-01")

    tree = application.succeeds(f"sequent audit {event}").splitlines()
    assert tree == application.succeeds("sequent audit 1").splitlines()
    assert tree[0].endswith(" command 1 AddPost")
    assert tree[int(number)] == f"  {line}"

    assert 1 == len(application.succeeds("sequent events --type PostAdded --limit 5").splitlines())
    assert "there is no event called PostAded" in application.fails("sequent events --type PostAded")
    assert "there is no command 99" in application.fails("sequent audit 99")
    assert "there is no event" in application.fails(f"sequent audit {post_id}/99")
    assert "neither the id of a command" in application.fails("sequent audit hello")
    assert "is no moment" in application.fails(f"sequent show {post_id} --until yesterday")

    assert "count as committed before" in application.succeeds("sequent db after-restore")
    application.python(ADD_A_POST.replace('"Hi"', '"Ho"'))
    assert 2 == len(application.succeeds("sequent events --type PostAdded").splitlines())


def test_events_can_be_followed_as_they_come(application: CommandLine) -> None:
    """`events --follow` shows each event once, soon after it was stored, until it is interrupted."""
    with application.start("sequent events --follow --type PostTitleChanged") as following:
        try:
            assert following.stdout is not None
            application.python(ADD_A_POST)
            first = following.stdout.readline()
            application.python(ADD_A_POST.replace('"Hi"', '"Ho"'))
            second = following.stdout.readline()
        finally:
            following.send_signal(signal.SIGINT)
        rest, errors = following.communicate(timeout=60)
    assert '"title": "Hi"' in first
    assert '"title": "Ho"' in second
    assert (rest, errors.strip()) == ("", "Interrupted.")
