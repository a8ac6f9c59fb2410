"""What the command line says when something is missing or wrong."""

from __future__ import annotations

import signal
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.acceptance.command_line import CommandLine


def test_without_a_command_there_is_help(tmp_path: Path) -> None:
    """Somebody who types just `sequent` learns what to type."""
    done = CommandLine(tmp_path).run("sequent")

    assert 2 == done.returncode
    assert "Please specify a command. i.e. sequent new myapp" == done.stdout.splitlines()[0]
    assert all(f"\n  {command} " in done.stdout for command in ("new", "db", "migrate", "projectors"))


def test_the_version_is_reported(tmp_path: Path) -> None:
    """`--version` names the command and its version."""
    assert "sequent 0." in CommandLine(tmp_path).succeeds("sequent --version")


def test_a_shell_can_complete_commands(tmp_path: Path) -> None:
    """What begins with what was typed, in groups too."""
    asking = CommandLine(tmp_path, _SEQUENT_COMPLETE="bash_complete", COMP_WORDS="sequent db create-", COMP_CWORD="2")
    assert ["plain,create-event-store", "plain,create-view-schema"] == asking.run("sequent").stdout.splitlines()


@pytest.mark.parametrize("name", ["1blog", "class", "json", "blög", "sequent-sa", "''"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    """A name that Python could not import makes no application."""
    assert "is no name for an application" in CommandLine(tmp_path).fails(f"sequent new {name}")
    assert [] == list(tmp_path.iterdir())


def test_an_existing_directory_is_left_alone(tmp_path: Path) -> None:
    """`sequent new` never overwrites, not even an empty directory."""
    (tmp_path / "blog").mkdir()

    assert "blog already exists, aborting" in CommandLine(tmp_path).fails("sequent new blog")
    assert [] == list((tmp_path / "blog").iterdir())


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """Where a file stands in the way, nothing is written."""
    (tmp_path / "file").touch()

    assert "cannot be written" in CommandLine(tmp_path).fails("sequent new file/blog")
    assert [tmp_path / "file"] == list(tmp_path.iterdir())


def test_special_characters_become_a_package_name(tmp_path: Path) -> None:
    """The directory keeps the name that was typed; the package is importable."""
    CommandLine(tmp_path).succeeds("sequent new work/blog-with_special-symbols")

    assert (tmp_path / "work/blog-with_special-symbols/blog_with_special_symbols/app.py").is_file()


@pytest.mark.parametrize("command", ["db create", "migrate online", "projectors list"])
def test_a_missing_application_is_one_line(tmp_path: Path, command: str) -> None:
    """Outside of an application a command says where it looks for one."""
    assert "no application is named" in CommandLine(tmp_path).fails(f"sequent {command}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.app:app", "there is no module 'shop'"),
        ("shop.app", "write it as `module:attribute`"),
        ("json:app", "it must be a Sequent"),
    ],
)
def test_an_application_that_is_none_is_one_line(tmp_path: Path, name: str, expected: str) -> None:
    """A mistaken name of the application is explained, wherever it was given."""
    assert expected in CommandLine(tmp_path).fails(f"sequent --app {name} db create")
    assert expected in CommandLine(tmp_path, SEQUENT_APP=name).fails("sequent db create")


def test_an_error_inside_the_application_keeps_its_traceback(tmp_path: Path) -> None:
    """A defect in the application's own code is shown where it is."""
    (tmp_path / "shop.py").write_text("import a_module_that_is_not_installed\n")

    done = CommandLine(tmp_path).run("sequent --app shop:app db create")

    assert 1 == done.returncode
    assert "shop.py" in done.stderr
    assert "ModuleNotFoundError" in done.stderr.splitlines()[-1]


def test_a_url_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """A mistyped DATABASE_URL is not repeated, since it may hold a password."""
    CommandLine(tmp_path).succeeds("sequent new blog")

    said = CommandLine(tmp_path / "blog", DATABASE_URL="postgresql:/ben:secret@host").fails("sequent db create")

    assert "DATABASE_URL" in said
    assert "secret" not in said


def test_an_unknown_environment_is_one_line(tmp_path: Path) -> None:
    """A misspelt SEQUENT_ENV touches no database."""
    CommandLine(tmp_path).succeeds("sequent new blog")

    assert "SEQUENT_ENV is 'prod'" in CommandLine(tmp_path / "blog", SEQUENT_ENV="prod").fails("sequent db create")
    assert ["README"] == [path.name for path in (tmp_path / "blog" / "db").iterdir()]


def test_the_program_and_the_module_are_one() -> None:
    """The installed program `sequent` starts what `python -m sequent_sa.cli` does."""
    (script,) = entry_points(group="console_scripts", name="sequent")
    assert "sequent_sa.cli.main:main" == script.value


def test_an_interrupted_question_ends_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl-C at a question does nothing, and the exit status is the shell's for an interrupt."""
    CommandLine(tmp_path).succeeds("sequent new blog")
    blog = CommandLine(tmp_path / "blog")
    blog.succeeds("sequent db create")

    with blog.start("sequent db drop") as asking:
        assert asking.stderr is not None
        while asking.stderr.read(1) not in ("?", ""):
            pass
        asking.send_signal(signal.SIGINT)
        _, errors = asking.communicate(timeout=60)

    assert 130 == asking.returncode
    assert "Traceback" not in errors
    assert "already exists" in blog.succeeds("sequent db create")
