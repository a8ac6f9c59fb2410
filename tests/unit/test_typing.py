"""Type checkers accept what is right about messages and report what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCEPTED = ROOT / "tests" / "typing" / "messages_accepted.py"
REJECTED = ROOT / "tests" / "typing" / "messages_rejected.py"
CHECKERS = {
    "mypy": ("mypy", "--strict", "--no-error-summary", "--follow-imports=silent"),
    "pyright": ("pyright", "--pythonpath", sys.executable),
}


def reported_lines(command: Sequence[str], file: Path) -> set[int]:
    """The lines of a file on which a checker reports errors."""
    done = subprocess.run(
        [sys.executable, "-m", *command, str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.finditer(rf"{re.escape(file.name)}:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
    return {int(each[1]) for each in found}


@pytest.mark.parametrize("checker", CHECKERS)
def test_right_code_is_accepted(checker: str) -> None:
    """No error in what applications write."""
    assert set() == reported_lines(CHECKERS[checker], ACCEPTED)


@pytest.mark.parametrize("checker", CHECKERS)
def test_mistakes_are_reported(checker: str) -> None:
    """Each marked line is reported, and no other."""
    marked = {number for number, line in enumerate(REJECTED.read_text().splitlines(), 1) if "# rejected:" in line}
    assert marked == reported_lines(CHECKERS[checker], REJECTED)


def test_rejected_lines_are_marked() -> None:
    """The comparison is with something."""
    assert 13 == REJECTED.read_text().count("# rejected:")
