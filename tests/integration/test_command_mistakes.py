"""Mistakes on the command line: whichever command it is, one line says what is wrong, and nothing else is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import version
from uuid import UUID

import click
import pytest
from sqlalchemy import make_url

from sequent_sa import Sequent
from tests.blog import AddPost, new_app
from tests.databases import Database, Databases
from tests.integration.command_line import BLOG, CommandLine, Done
from tests.rules.test_command_line import ALL, LEAVES, example

POST = UUID("0198c0de-0000-7000-8000-000000000001")

ABOUT_NO_APPLICATION = {"sequent new"}
WITHOUT_ITS_DATABASE = ABOUT_NO_APPLICATION | {name for name in LEAVES if name.startswith("sequent generate")}
"""These do their work wherever the database is."""

FINDS_MISTAKES = {"sequent doctor"}
"""What is wrong is what it reports."""

NEEDS_NO_TABLES = {
    "sequent console",
    "sequent db create",
    "sequent db create-event-store",
    "sequent db migrate",
    "sequent migrate online",
}
"""These make the tables, or use none."""


@pytest.fixture
def sequent(command_line: CommandLine) -> Callable[..., Done]:
    """Runs a command as it would be typed; `url` is the database, and `app` the application."""

    def run_command(command: str, url: str | None = None, app: str | None = BLOG) -> Done:
        return command_line(command.removeprefix("sequent "), url=url, app=app)

    return run_command


def typed_names(command: click.Command) -> set[str | None]:
    """The names of what can be typed behind a command."""
    return {each.name for each in command.params}


def typed(name: str) -> str:
    """The example of a command, which is what somebody would type."""
    shown = example(LEAVES[name])
    assert shown is not None
    return shown


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - ABOUT_NO_APPLICATION - FINDS_MISTAKES))
def test_there_is_no_application(sequent: Callable[..., Done], name: str) -> None:
    """Every command says where it looks for one."""
    done = sequent(typed(name), app=None)
    assert 1 == done.status
    assert "no application is named" in done.line()


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - WITHOUT_ITS_DATABASE - FINDS_MISTAKES))
@pytest.mark.parametrize(
    ("app", "expected"), [("json:loads", "it must be a Sequent"), ("shop.app:app", "there is no module 'shop'")]
)
def test_the_application_is_none(sequent: Callable[..., Done], name: str, app: str, expected: str) -> None:
    """Every command says what it found in its place."""
    done = sequent(typed(name), app=app)
    assert 1 == done.status
    assert expected in done.line()


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - WITHOUT_ITS_DATABASE - FINDS_MISTAKES - {"sequent console"}))
def test_the_server_cannot_be_reached(sequent: Callable[..., Done], name: str) -> None:
    """Every command says which one, and not with which password."""
    done = sequent(typed(name), "postgresql://ben:secret@127.0.0.1:1/blog")
    assert 1 == done.status
    line = done.err.splitlines()[-1]
    assert "secret" not in line
    assert "127.0.0.1" in line or "nothing was removed" in line
    assert "" == done.out


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - WITHOUT_ITS_DATABASE - FINDS_MISTAKES - NEEDS_NO_TABLES))
def test_the_database_has_no_tables(sequent: Callable[..., Done], database: Database, name: str) -> None:
    """Every command that needs them says how to make them, or asks before it removes something."""
    done = sequent(typed(name), database.url)
    assert 1 == done.status
    line = done.err.splitlines()[-1]
    assert "sequent db create" in line or "there is no event store" in line or "nothing was removed" in line
    assert "" == done.out


@pytest.mark.parametrize("name", sorted(ALL))
def test_an_option_that_there_is_not(sequent: Callable[..., Done], name: str) -> None:
    """Every command and group says how it is used."""
    done = sequent(f"{name} --nonsense", app=None)
    assert 2 == done.status
    line = done.line()
    assert "No such option" in line
    assert "--nonsense" in line
    assert f". Usage: {name}" in line


@pytest.mark.parametrize("name", sorted(ALL.keys() - LEAVES.keys()))
def test_a_command_that_there_is_not(sequent: Callable[..., Done], name: str) -> None:
    """Every group says so; a name that is nearly right gets the right one."""
    done = sequent(f"{name} nonsense", app=None)
    assert 2 == done.status
    assert f"No such command 'nonsense'. Usage: {name}" in done.line()


@pytest.mark.skipif(
    (8, 4) > tuple(int(part) for part in version("click").split(".")[:2]), reason="click 8.4 was the first to say it"
)
def test_a_command_that_is_nearly_right(sequent: Callable[..., Done]) -> None:
    """What was probably meant is said."""
    assert "Did you mean 'create'?" in sequent("sequent db creat").line()


@pytest.mark.parametrize(
    ("command", "status", "expected"),
    [
        (f"show {POST}", 1, f"no aggregate is stored with id {POST}"),
        ("show post", 2, "'post' is not a valid UUID"),
        (f"show {POST} --until tomorrow", 1, "--until 'tomorrow' is no moment"),
        ("audit 42", 1, "there is no command 42 in the event store"),
        (f"audit {10**30}", 1, "neither the id of a command"),
        (f"audit {POST}/1", 1, f"there is no event {POST}/1"),
        ("audit post/1", 1, "neither the id of a command"),
        (f"audit {POST}/{2**31}", 1, "neither the id of a command"),
        ("events --type Nonsense", 1, "there is no event called Nonsense"),
        ("events --limit 0", 2, "0 is not in the range"),
        (f"events --limit {2**31}", 2, "is not in the range"),
        ("events --limit many", 2, "'many' is not a valid integer"),
        ("dry-run Nonsense", 1, "there is no one command 'Nonsense'"),
        ("dry-run AddPost --json '{'", 1, "--json is no JSON"),
        ("dry-run AddPost --json '[]'", 1, "--json must be an object"),
        ("dry-run AddPost --json '{\"title\": 1}'", 1, "AddPost is not valid"),
        ("snapshots take 0", 2, "0 is not in the range"),
        ("snapshots take", 2, "Missing argument 'LIMIT'"),
        ("snapshots take-one post", 2, "'post' is not a valid UUID"),
        (f"snapshots take-one {POST}", 1, f"no aggregate is stored with id {POST}"),
        ("aggregates erase", 2, "Missing argument 'AGGREGATE_ID...'"),
        ("aggregates erase post --yes", 2, "'post' is not a valid UUID"),
        ("aggregates delete post --yes", 2, "'post' is not a valid UUID"),
        ("aggregates update-partition-keys 0", 2, "0 is not in the range"),
        ("aggregates partitions create b --until a", 1, ""),
        ("projectors deactivate Nobody", 1, "Nobody is not known to this database"),
        ("projectors verify Nobody", 1, "Nobody is no projector"),
        ("projectors replay prepare Nobody", 1, "Nobody is no projector"),
        ("projectors replay run", 1, "no replay is in progress"),
        ("projectors replay run --workers 0", 2, "0 is not in the range"),
        ("projectors replay golive --lock-timeout nan", 2, "nan is no number of seconds"),
        ("migrate offline --lock-timeout inf", 2, "inf is no number of seconds"),
        ("migrate unique-keys Nobody", 1, "no aggregate class is stored as 'Nobody'"),
    ],
)
def test_an_argument_that_means_nothing(
    sequent: Callable[..., Done], migrated_database: Database, command: str, status: int, expected: str
) -> None:
    """What it is, and which there are."""
    done = sequent(f"sequent {command}", migrated_database.url)
    assert status == done.status
    assert expected in done.line()


@pytest.fixture
def app(migrated_database: Database) -> Iterator[Sequent]:
    """The blog with one post."""
    app = new_app(migrated_database.url)
    app.create_all()
    app.execute_commands(AddPost(aggregate_id=POST, author="newcomer", title="Hi"))
    yield app
    app.engine.dispose()


@pytest.mark.parametrize("name", sorted(name for name, command in LEAVES.items() if "as_json" in typed_names(command)))
def test_json_is_json(sequent: Callable[..., Done], app: Sequent, migrated_database: Database, name: str) -> None:
    """Every line on stdout is an object, whatever there is to say."""
    word = "--yes" if "yes" in typed_names(LEAVES[name]) else ""
    done = sequent(f"{typed(name).replace('audit 42', 'audit 1')} {word} --json", migrated_database.url)
    assert done.status in (0, 1)
    assert {dict} >= {type(json.loads(line)) for line in done.out.splitlines()}
    assert "Traceback" not in done.err
    assert (1 if done.status else 0) <= len(done.err.splitlines() + done.out.splitlines())


@pytest.mark.parametrize("name", sorted(name for name, command in LEAVES.items() if "yes" in typed_names(command)))
def test_production_needs_a_word(
    sequent: Callable[..., Done], app: Sequent, migrated_database: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither an answer nor --yes is enough there; and with the word an answer is still needed."""
    monkeypatch.setenv("SEQUENT_ENV", "production")
    word = f"--yes-{name.rpartition(' ')[2]}-production"
    asked = sequent(typed(name), migrated_database.url)
    assert word in asked.line()
    assert word in sequent(f"{typed(name)} --yes", migrated_database.url).line()
    unanswered = sequent(f"{typed(name)} {word}", migrated_database.url)
    assert unanswered.err.endswith("Error: nothing was removed: answer with y, or say --yes\n")
    assert 1 == asked.status == unanswered.status
    assert 2 == app.repository.load_aggregate(POST).version - 1


def test_a_database_that_is_not_there(sequent: Callable[..., Done], databases: Databases) -> None:
    """The message says how to make it."""
    url = make_url(databases.create().url)
    missing = url.set(database=f"{url.database}_missing").render_as_string(hide_password=False)
    done = sequent("sequent events", missing)
    assert 1 == done.status
    assert "sequent db create" in done.line()
