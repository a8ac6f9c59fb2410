"""Type checkers accept what is right in applications and report what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
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


def reported_lines(command: Sequence[str], file: Path) -> set[int]:
    """The lines of a file on which a checker reports errors."""
    target = TARGETS.get(file.stem, "3.11")
    done = subprocess.run(
        [sys.executable, "-m", *command, target, str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.finditer(rf"{re.escape(file.name)}:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
    return {int(each[1]) for each in found}


def marked_lines(file: Path) -> set[int]:
    """The lines that must be reported."""
    return {number for number, line in enumerate(file.read_text().splitlines(), 1) if "# rejected:" in line}


@pytest.mark.parametrize("file", ACCEPTED, ids=lambda file: file.stem)
@pytest.mark.parametrize("checker", CHECKERS)
def test_right_code_is_accepted(checker: str, file: Path) -> None:
    """No error in what applications write."""
    assert set() == reported_lines(CHECKERS[checker], file)


@pytest.mark.parametrize("file", REJECTED, ids=lambda file: file.stem)
@pytest.mark.parametrize("checker", CHECKERS)
def test_mistakes_are_reported(checker: str, file: Path) -> None:
    """Each marked line is reported, and no other."""
    assert marked_lines(file) == reported_lines(CHECKERS[checker], file)


def test_rejected_lines_are_marked() -> None:
    """The comparison is with something."""
    assert [38, 7, 13] == [len(marked_lines(file)) for file in REJECTED]
