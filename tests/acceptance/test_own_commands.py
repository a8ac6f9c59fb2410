"""What an application adds to the command line: commands of its own, and steps around the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.command_line import CommandLine

OPERATIONS = '''
"""Commands and steps of the blog."""

import click

from sequent_sa import Sequent, SequentError


@click.command()
@click.argument("name")
def greet(name: str) -> None:
    """Greet somebody."""
    click.echo(f"Hello {name}")


@click.group()
def feeds() -> None:
    """Look after the feeds."""


@feeds.command()
def refresh() -> None:
    """Read all feeds again."""
    click.echo("refreshed")


def say(app: Sequent) -> None:
    print("step", type(app).__name__)


def first(app: Sequent) -> None:
    print("first")


def last(app: Sequent) -> None:
    print("last")


def refuse(app: Sequent) -> None:
    raise SequentError("not on Fridays")
'''


@pytest.fixture
def blog(tmp_path: Path) -> Callable[[str], CommandLine]:
    """A new application, with more in its pyproject.toml."""
    CommandLine(tmp_path).succeeds("sequent new blog")
    (tmp_path / "blog/blog/operations.py").write_text(OPERATIONS)

    def configured(more: str) -> CommandLine:
        path = tmp_path / "blog/pyproject.toml"
        path.write_text(path.read_text() + more)
        return CommandLine(tmp_path / "blog")

    return configured


def test_an_application_has_commands_of_its_own(blog: Callable[[str], CommandLine]) -> None:
    """They stand beside the others, help included; one that is broken is in nobody's way."""
    line = blog(
        "[tool.sequent.commands]\n"
        'greet = "blog.operations:greet"\nfeeds = "blog.operations:feeds"\n'
        'gone = "blog.gone:gone"\nodd = "blog.operations:say"\ndb = "blog.operations:greet"\n'
    )

    assert "Hello Ben\n" == line.succeeds("sequent greet Ben")
    assert "refreshed\n" == line.succeeds("sequent feeds refresh")
    said = line.succeeds("sequent --help")
    _, _, own = " ".join(said.split()).partition("Commands of this application: ")
    assert "greet Greet somebody. feeds Look after the feeds." in own
    assert "there is no module 'blog.gone'" in own
    assert "sequent has a command db already" in own
    assert "there is no module 'blog.gone'" in line.fails("sequent gone")
    assert "must be a click command or group" in line.fails("sequent odd")
    assert "Created the database" in line.succeeds("sequent db create")


def test_steps_run_around_a_command(blog: Callable[[str], CommandLine]) -> None:
    """Those of every command, of its group and of itself: in this order before it, and in the other one after it."""
    line = blog(
        '[tool.sequent.before]\nsequent = "blog.operations:first"\ntypes = "blog.operations:say"\n'
        '[tool.sequent.after]\nsequent = "blog.operations:last"\n"types register" = "blog.operations:say"\n'
    )
    line.succeeds("sequent db create")

    assert ["first", "step Sequent", "step Sequent", "last"] == [
        each for each in line.succeeds("sequent types register").splitlines() if not each[0].isdigit()
    ]
    assert ["first", "removed 0 snapshots", "last"] == line.succeeds("sequent snapshots delete-all").splitlines()
    assert ["first", "last"] == line.succeeds("sequent events").splitlines()


def test_what_does_not_concern_an_application_has_no_steps(blog: Callable[[str], CommandLine]) -> None:
    """Help, a new application and generated code need none that runs."""
    line = blog('[tool.sequent.before]\nsequent = "blog.operations:refuse"\n')

    assert "Usage" in line.succeeds("sequent db create --help")
    assert "Success!" in line.succeeds("sequent new other")
    assert "+class AddAuthor" in line.succeeds("sequent generate aggregate author --dry-run")


def test_a_step_before_a_command_can_refuse_it(blog: Callable[[str], CommandLine]) -> None:
    """Then the command does not run; and what stands behind a command that failed does not either."""
    line = blog(
        '[tool.sequent.before]\n"db drop" = "blog.operations:refuse"\n'
        '[tool.sequent.after]\ndb = "blog.operations:last"\n'
    )
    assert line.succeeds("sequent db create").endswith("last\n")

    assert "Error: not on Fridays" == line.fails("sequent db drop --yes")
    assert "already exists" in line.succeeds("sequent db create")
    failed = line.run("sequent db adopt --nonsense")
    assert (2, "") == (failed.returncode, failed.stdout)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            '[tool.sequent.before]\ndbs = "blog.operations:say"\n',
            "'dbs' in [tool.sequent.before] of pyproject.toml is no",
        ),
        ('[tool.sequent.after]\n"db make" = "blog.operations:say"\n', "'db make' in [tool.sequent.after]"),
        ('[tool.sequent.before]\ndb = "blog.gone:say"\n', "check 'db' in [tool.sequent.before]"),
        ('[tool.sequent.before]\ndb = "blog.operations:gone"\n', "not a function of the application"),
        ('[tool.sequent.before]\ndb = "say"\n', "write it as `module:attribute`"),
        ("[tool.sequent.before]\ndb = 1\n", "must be a text such as 'blog.operations:before'"),
        ('[tool.sequent.before]\ndoctor = "blog.operations:say"\n', "no command of sequent that has steps"),
        (
            '[tool.sequent.commands]\ngreet = "blog.operations:greet"\n'
            '[tool.sequent.after]\ngreet = "blog.operations:say"\n',
            "'greet' in [tool.sequent.after] of pyproject.toml is no command of sequent that has steps",
        ),
    ],
)
def test_a_mistaken_step_is_one_line(blog: Callable[[str], CommandLine], table: str, expected: str) -> None:
    """Nothing runs when a step cannot, or would never run because its command is misspelt."""
    line = blog(table)

    assert expected in line.fails("sequent db create")
    assert ["README"] == [path.name for path in (line.directory / "db").iterdir()]


def test_a_setting_that_there_is_not_is_one_line(blog: Callable[[str], CommandLine]) -> None:
    """A misspelt setting is found, and help is there nevertheless."""
    line = blog('[tool.sequent.command]\nfeeds = "blog.operations:feeds"\n')

    assert "command in [tool.sequent]" in line.fails("sequent db create")
    assert "own commands are unknown" in " ".join(line.succeeds("sequent --help").split())


def test_the_migrations_of_the_view_tables_may_be_elsewhere(blog: Callable[[str], CommandLine]) -> None:
    """By a setting, or by an option for once; what is not there is said."""
    line = blog("")
    directory = line.directory
    line.succeeds("sequent db create")
    (directory / "config").mkdir()
    ini = (directory / "alembic.ini").read_text().replace("%(here)s", "%(here)s/..")
    (directory / "alembic.ini").unlink()
    (directory / "config/views.ini").write_text(ini)

    assert "no view tables to migrate" in line.succeeds("sequent db migrate")
    assert "The view tables are up to date." in line.succeeds("sequent --alembic-ini config/views.ini db migrate")
    pyproject = directory / "pyproject.toml"
    before = pyproject.read_text()
    pyproject.write_text(before.replace("[tool.sequent]\n", '[tool.sequent]\nalembic_ini = "config/views.ini"\n'))
    line.succeeds("sequent migrate online")
    line.succeeds("sequent migrate offline")
    line.succeeds("sequent migrate status")
    pyproject.write_text(before.replace("[tool.sequent]\n", '[tool.sequent]\nalembic_ini = "gone.ini"\n'))
    assert "gone.ini is missing" in line.fails("sequent db migrate")
