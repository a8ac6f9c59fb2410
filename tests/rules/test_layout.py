"""Where code is, and how much of it is in one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.rules._sources import PACKAGE, calls, functions, name_of, package_files, tree
from tests.rules.snippets import ROOT

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40


def test_the_migrations_are_not_a_package() -> None:
    """With an __init__.py in it, the folder alembic/ would take the place of the library of that name."""
    assert [] == sorted((ROOT / "alembic").rglob("__init__.py"))
    assert (ROOT / "alembic" / "env.py").exists()


@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_a_module_is_short_enough_to_read(path: Path) -> None:
    """A module has at most 400 lines."""
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_a_function_is_short_enough_to_read(path: Path) -> None:
    """A function has at most 40 lines, its docstring not counted."""
    assert {} == {node.name: lines for node in functions(path) if (lines := _lines(node)) > LONGEST_FUNCTION}


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    last = node.end_lineno or node.lineno
    first = node.body[0]
    documentation = 0
    if ast.get_docstring(node, clean=False) is not None:
        documentation = (first.end_lineno or first.lineno) - first.lineno + 1
    return last - node.lineno + 1 - documentation


def test_only_dialects_ask_which_database_it_is() -> None:
    """`if dialect == ...` appears where SQLAlchemy asks a column type, and in sequent_sa/dialects/; nowhere else."""
    question = re.compile(r"(dialect(\.name)?|drivername|is_postgresql|is_sqlite)\s*(==|!=|\bin\b)")
    allowed = {PACKAGE / "dialects", PACKAGE / "tables"}
    elsewhere = [path for path in package_files() if not allowed & {*path.parents}]
    assert [] == [name_of(path) for path in elsewhere if question.search(path.read_text())]


def test_only_two_modules_read_the_clock() -> None:
    """The time comes from sequent_sa/_clock.py and, in the ids that carry one, from sequent_sa/ids.py."""
    clocks = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}
    found = {name_of(path) for path in package_files() for call in calls(tree(path)) if call in clocks}
    assert set() == found - {"sequent_sa/_clock.py", "sequent_sa/ids.py"}
