"""`sequent generate`, as it is typed in a new application."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.command_line import CommandLine


@pytest.fixture
def shop(tmp_path: Path) -> CommandLine:
    """In a new application."""
    CommandLine(tmp_path).succeeds("sequent new shop")
    return CommandLine(tmp_path / "shop")


def test_what_is_generated_works_at_once(shop: CommandLine) -> None:
    """Every generator says what it wrote and what comes next; the tests pass, and the records go live."""
    for command in ("db create", "db create-view-schema", "migrate online", "migrate offline"):
        shop.succeeds(f"sequent {command}")

    said = shop.succeeds("sequent generate aggregate author")
    assert "create  shop/domain/author/author.py\n" in said
    assert "  sequent generate projector author\n" in said
    assert "change  shop/domain/post/commands.py\n" in shop.succeeds("sequent g command post PublishPost date:date")
    said = shop.succeeds("sequent generate event post PostPublished date:date")
    assert "change  shop/domain/post/events.py\n" in said
    for command in ("projector author", "workflow author"):
        shop.succeeds(f"sequent generate {command}")

    shop.with_environment(SEQUENT_ENV="test").succeeds("sequent db create")
    assert "8 passed" in shop.succeeds("python -m pytest -p no:cacheprovider")
    shop.succeeds('alembic revision --autogenerate -m "create author records"')
    shop.succeeds("sequent migrate online")
    shop.succeeds("sequent migrate offline")
    listed = " ".join(shop.succeeds("sequent projectors list").split())
    assert "AuthorProjector 1 active 1 author_records" in listed
    with sqlite3.connect(shop.directory / "db" / "shop_development.db") as connection:
        assert [] == connection.execute("SELECT * FROM author_records").fetchall()
    connection.close()


def test_a_dry_run_shows_a_diff(shop: CommandLine) -> None:
    """Nothing is written; what is shown is what git would."""
    said = shop.succeeds("sequent generate command post PublishPost date:date --dry-run")

    assert "+++ b/shop/domain/post/post_command_handler.py\n" in said
    assert "+    date: date\n" in said
    assert "PublishPost" not in (shop.directory / "shop/domain/post/commands.py").read_text()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("aggregate post", "Error: shop/domain/post already exists, aborting"),
        ("aggregate class", "Error: 'class' is no name for an aggregate"),
        ("command nothing PublishPost", "Error: aggregate 'nothing' not found, aborting"),
        ("command post AddPost", "Error: AddPost already exists, aborting"),
        ("event post PostPublished date:dat", "Error: there is no type 'dat'"),
    ],
)
def test_a_mistake_is_one_line(shop: CommandLine, command: str, said: str) -> None:
    """The exit status is 1, and there is no traceback."""
    assert said in shop.fails(f"sequent generate {command}")


def test_outside_of_an_application_one_line_says_so(tmp_path: Path) -> None:
    """It says where an application is looked for."""
    assert "no application is named in" in CommandLine(tmp_path).fails("sequent generate aggregate author")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("generate", "  aggregate "),
        ("generate aggregate", "Example: sequent generate aggregate author"),
        ("generate command", "Example: sequent generate command post PublishPost"),
        ("generate command post", "Missing argument 'NAME'"),
        ("generate event", "Example: sequent generate event post PostPublished"),
        ("generate projector", "Example: sequent generate projector author"),
        ("generate workflow", "Example: sequent generate workflow author"),
        ("generate aggregate one two", "Got unexpected extra argument (two)"),
        ("new", "Example: sequent new blog"),
        ("new one two", "Got unexpected extra argument (two)"),
    ],
)
def test_a_wrong_number_of_arguments_shows_help(tmp_path: Path, command: str, expected: str) -> None:
    """The exit status is that of a wrong usage."""
    done = CommandLine(tmp_path).run(f"sequent {command}")

    assert 2 == done.returncode
    assert expected in done.stdout + done.stderr
    assert "Usage: sequent" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["~/apps/blog", "apps/../apps/blog", "{here}/apps/blog"])
def test_a_new_application_lies_where_it_was_asked_for(tmp_path: Path, name: str) -> None:
    """Below the home directory, beside the working directory, or at an absolute path; parents are made."""
    here = CommandLine(tmp_path, HOME=str(tmp_path))
    (tmp_path / "apps").mkdir(exist_ok=True)

    said = here.succeeds(f"sequent new {name.format(here=tmp_path)}")

    assert (tmp_path / "apps" / "blog" / "blog" / "app.py").is_file()
    assert "pip install -e '.[test]'" in said
    assert "sequent generate aggregate author" in said
