"""`sequent console`: what comes through a pipe, and what is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.command_line import CommandLine
from tests.blog import new_app
from tests.databases import Database

ROOT = Path(__file__).parents[2]
ADD = """
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
print([record.title for record in session.query(PostRecord)], Post, PostCommandHandler, PostProjector, PostAdded)
"""


@pytest.fixture
def line(migrated_database: Database) -> CommandLine:
    """The blog with its tables."""
    app = new_app(migrated_database.url)
    app.create_all()
    app.engine.dispose()
    return CommandLine(ROOT, DATABASE_URL=migrated_database.url, SEQUENT_APP="tests.blog.app:app")


def test_a_program_comes_through_a_pipe(line: CommandLine) -> None:
    """It finds the application, its classes and a session, and prints nothing but what it prints."""
    said = line.succeeds("sequent console", stdin=ADD)
    assert said.startswith("['Hi'] <class 'tests.blog.Post'>")
    assert 1 == len(said.splitlines())


def test_the_exit_status_is_that_of_the_program(line: CommandLine) -> None:
    """A defect keeps its traceback, and an error that was foreseen is one line."""
    broken = line.run("sequent console", stdin="1 / 0")
    assert (1, "ZeroDivisionError: division by zero") == (broken.returncode, broken.stderr.splitlines()[-1])
    assert 3 == line.run("sequent console", stdin="raise SystemExit(3)").returncode
    assert "SyntaxError" in line.run("sequent console", stdin="if").stderr
    missing = "app.repository.load_aggregate(app.new_uuid(), Post)"
    assert "no aggregate is stored with id" in line.fails("sequent console", stdin=missing)


def test_streams_that_are_closed(tmp_path: Path) -> None:
    """Who reads may stop reading, and what was closed is empty: neither is a traceback."""
    line = CommandLine(ROOT, DATABASE_URL=f"sqlite:///{tmp_path}/blog.db", SEQUENT_APP="tests.blog.app:app")
    program = f"{sys.executable} -m sequent_sa.cli console"
    printed_to_nobody = "import select; p = select.poll(); p.register(1, select.POLLERR); p.poll(60000); print(1)"
    script = f"set -o pipefail; {program} <<< '{printed_to_nobody}' | true; echo $?; {program} <&- >&-"
    buffering = line.variables | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        ["bash", "-c", script], cwd=line.directory, env=buffering, capture_output=True, text=True, check=False
    )
    assert (0, "1\n", "") == (done.returncode, done.stdout, done.stderr)


def test_somebody_types(line: CommandLine) -> None:
    """A terminal gets a banner that says what there is, and an interpreter; its end is no error."""
    first, second = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sequent_sa.cli", "console"],
        cwd=line.directory,
        env=line.variables | {"TERM": "dumb"},
        stdin=second,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(second)
        os.write(first, b"print('the', app.environment, PostAdded.__name__)\nexit()\n")
        said, errors = process.communicate(timeout=60)
    os.close(first)
    assert 0 == process.returncode, errors
    assert "tests.blog.app:app on " in said
    assert "app, session, AddComment, AddPost, " in said
    assert "the development PostAdded" in said


@pytest.mark.parametrize("module", ["IPython", "ptpython"])
def test_a_better_shell_is_used_where_it_is_installed(line: CommandLine, tmp_path: Path, module: str) -> None:
    """It gets the same names."""
    shell = "def start_ipython(argv, user_ns): print(argv, user_ns['app'])\ndef embed(names, _): print(names['app'])\n"
    if module == "IPython":
        (tmp_path / "IPython.py").write_text(shell)
    else:
        (tmp_path / "ptpython").mkdir()
        (tmp_path / "ptpython/__init__.py").touch()
        (tmp_path / "ptpython/repl.py").write_text(shell)
    first, second = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "sequent_sa.cli", "console"],
        cwd=line.directory,
        env=line.variables | {"PYTHONPATH": str(tmp_path)},
        stdin=second,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    os.close(first)
    os.close(second)
    assert "<sequent_sa.application.Sequent object" in done.stdout
