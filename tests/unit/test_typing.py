"""Type checkers accept what is right in applications and report what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNIPPETS = ROOT / "tests" / "typing"
ACCEPTED = sorted(SNIPPETS.glob("*_accepted.py"))
REJECTED = sorted(SNIPPETS.glob("*_rejected.py"))
CHECKERS = {
    "mypy": ("mypy", "--strict", "--no-error-summary", "--follow-imports=silent", "--python-version"),
    "pyright": ("pyright", "--pythonpath", sys.executable, "--pythonversion"),
}
# `evolve` is known to checkers through `__replace__`, which classes have from this version on.
TARGETS = {"evolve_accepted": "3.13", "evolve_rejected": "3.13"}


@cache
def _reported(checker: str, target: str) -> Mapping[str, set[int]]:
    # one run for all files of a target, since most of a run is reading what the files import
    files = [file for file in (*ACCEPTED, *REJECTED) if TARGETS.get(file.stem, "3.11") == target]
    command = [sys.executable, "-m", *CHECKERS[checker], target, *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, set[int]] = {file.stem: set() for file in files}
    for each in re.finditer(r"(\w+)\.py:(\d+)(?::\d+)?(?: -|:) error", done.stdout):
        found[each[1]].add(int(each[2]))
    return found


def reported_lines(checker: str, file: Path) -> set[int]:
    """The lines of a file on which a checker reports errors."""
    return _reported(checker, TARGETS.get(file.stem, "3.11"))[file.stem]


def marked_lines(file: Path) -> set[int]:
    """The lines that must be reported."""
    return {number for number, line in enumerate(file.read_text().splitlines(), 1) if "# rejected:" in line}


@pytest.mark.parametrize("file", ACCEPTED, ids=lambda file: file.stem)
@pytest.mark.parametrize("checker", CHECKERS)
def test_right_code_is_accepted(checker: str, file: Path) -> None:
    """No error in what applications write."""
    assert set() == reported_lines(checker, file)


@pytest.mark.parametrize("file", REJECTED, ids=lambda file: file.stem)
@pytest.mark.parametrize("checker", CHECKERS)
def test_mistakes_are_reported(checker: str, file: Path) -> None:
    """Each marked line is reported, and no other."""
    assert marked_lines(file) == reported_lines(checker, file)


def test_rejected_lines_are_marked() -> None:
    """The comparison is with something."""
    assert [38, 7, 13] == [len(marked_lines(file)) for file in REJECTED]
