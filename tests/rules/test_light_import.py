"""What starting costs, since every command and every start of pytest pays for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"alembic", "click", "rich", "pytest", "mako", "jinja2", "libcst"}
_HELP = """
from sequent_sa.cli.main import run
try:
    run({arguments!r})
finally:
    import sys
    print("imported", *sys.modules)
"""


def test_importing_the_package_leaves_alembic_and_click_alone() -> None:
    """An application that uses everything there is loads neither the migration nor the command line library."""
    assert set() == HEAVY & _imported("from sequent_sa import *; import sys; print('imported', *sys.modules)")


def test_importing_the_package_alone_imports_nothing_else() -> None:
    """What a program does not use, it does not wait for: names are imported one by one."""
    program = "{}; import sys; print('imported', *sys.modules)"
    assert set() == {"sqlalchemy", "marshmallow", "psycopg"} & _imported(program.format("import sequent_sa"))
    assert set() == {"sqlalchemy", "psycopg"} & _imported(program.format("from sequent_sa import Command, Event"))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"], ["new", "--help"]])
def test_help_needs_no_library_of_databases(arguments: list[str]) -> None:
    """Who asks what there is gets the answer at once: only the command that runs is imported."""
    imported = _imported(_HELP.format(arguments=arguments))
    assert "click" in imported
    assert set() == {"alembic", "rich", "libcst", "sqlalchemy", "marshmallow", "psycopg", "msgspec"} & imported


def test_the_command_line_leaves_what_only_generators_need_alone() -> None:
    """Commands of every day do not wait for a parser of Python that keeps comments."""
    assert "libcst" not in _imported(_HELP.format(arguments=["projectors", "list", "--help"]))


def _imported(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("imported ")]
    return {name.partition(".")[0] for name in line.split()[1:]}
