"""`sequent dry-run` with what people, and others, may type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from sequent_sa import Sequent
from sequent_sa.cli.main import run
from sequent_sa.tables import commands, events
from tests.databases import Database
from tests.integration.command_line import BLOG, imported_anew

ID = "0198c0de-0000-7000-8000-000000000001"
GOOD: dict[str, Any] = {"aggregate_id": ID, "author": "newcomer", "title": "Hi"}
MISTAKES: dict[str, tuple[str, str, str]] = {
    "garbage": ("AddPost", "garbage", "--json is no JSON"),
    "nothing": ("AddPost", "", "--json is no JSON"),
    "a list": ("AddPost", "[]", "--json must be an object"),
    "text": ("AddPost", '"' + "x" * 100_000 + '"', "not a str"),
    "a number of many digits": ("AddPost", "1" * 5000, "--json is no JSON"),
    "lists in lists": ("AddPost", "[" * 100_000, "nested too deep"),
    "objects in objects": ("AddPost", '{"title":' * 100_000, "nested too deep"),
    "unknown": ("AddPots", "{}", "there is no one command 'AddPots'"),
    "an event": ("PostAdded", "{}", "there is no one command 'PostAdded'"),
    "an aggregate": ("tests.blog.Post", "{}", "there is no one command"),
    "no name": ("", "{}", "there is no one command ''"),
    "a name of bytes and lines": ("\udcff\n\x00", "{}", "there is no one command '\\udcff\\n\\x00'"),
    "a path": ("../../etc/passwd", "{}", "there is no one command"),
    "attributes missing": ("AddPost", "{}", "AddPost is not valid"),
    "attributes too many": ("AddPost", json.dumps({**GOOD, "nobody": 1}), '"nobody"'),
    "attributes of another type": ("AddPost", json.dumps({**GOOD, "title": {"a": [1]}}), '"title"'),
    "no text": ("AddPost", '{"title": "\\ud800", "author": "a\\u0000", "aggregate_id": "x"}', "is not valid"),
    "no id": ("AddPost", json.dumps({**GOOD, "aggregate_id": "1; DROP TABLE events"}), '"aggregate_id"'),
    "an aggregate that is not there": ("RenamePost", json.dumps({"aggregate_id": ID, "title": "Ho"}), "no aggregate"),
}


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """The command line works on stores that were made by migrations."""
    return migrated_database


@pytest.fixture
def on_database(app: Sequent, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line finds this database."""
    monkeypatch.setenv("DATABASE_URL", database.url)
    with imported_anew(BLOG):
        yield


def dry_run(name: str, text: str, *options: str) -> int:
    """Run the command; its exit status."""
    return run(["--app", BLOG, "dry-run", name, "--json", text, *options])


def is_untouched(app: Sequent) -> bool:
    """Whether nothing is stored."""
    with app.session() as session:
        return 0 == sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in (commands, events))


@pytest.mark.usefixtures("on_database")
@pytest.mark.parametrize("deep", [[], ["--deep"]], ids=["one level", "deep"])
def test_a_mistake_is_one_line(app: Sequent, deep: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is wrong, and nothing is stored. One database has to stand all of them."""
    for mistake, (name, text, expected) in MISTAKES.items():
        status = dry_run(name, text, *deep)
        said = capsys.readouterr()
        (line,) = said.err.splitlines() or [""]
        assert (mistake, 1, "") == (mistake, status, said.out)
        assert (True, True) == (line.startswith("Error: "), expected in line), line
        assert (mistake, True) == (mistake, len(line) < 1000)
    assert is_untouched(app)


@pytest.mark.usefixtures("on_database")
def test_a_large_value_is_no_mistake(app: Sequent, capsys: pytest.CaptureFixture[str]) -> None:
    """A text of megabytes is shown as what it would be, an event; it is not stored."""
    assert 0 == dry_run("AddPost", json.dumps({**GOOD, "author": "x" * 2_000_000}))
    assert "PostAdded(" in capsys.readouterr().out
    assert is_untouched(app)


@pytest.mark.usefixtures("on_database")
def test_one_level_shows_no_rows_and_a_deep_run_does(app: Sequent, capsys: pytest.CaptureFixture[str]) -> None:
    """And the commands that follow; neither stores anything."""
    assert 0 == dry_run("tests.blog.AddPost", json.dumps(GOOD))
    shallow = capsys.readouterr().out
    assert 0 == dry_run("tests.blog.AddPost", json.dumps(GOOD), "--deep")
    deep = capsys.readouterr().out
    found = [("PostAdded(" in said, "AddComment" in said, "table post_records" in said) for said in (shallow, deep)]
    assert [(True, False, False), (True, True, True)] == found
    assert is_untouched(app)
