"""What no file of the repository contains."""

from __future__ import annotations

import re

from tests.rules._sources import name_of, repository_files

# Each pattern is written so that this file does not match it.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(ho[m]e|Use[r]s|ro[o]t|wo[r]k|op[t])/\w"),
    "a mark that work is left": re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b"),
    "a debugger": re.compile(r"\b(breakpoin[t]\(\)|pdb\.set_trac[e])"),
    "a conflict of git": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
}


def test_no_file_contains_what_belongs_to_one_machine_or_moment() -> None:
    """No machine's paths, no left-over marks, no debuggers, no conflicts."""
    found = [
        f"{name_of(path)}: {what}: {match[0]}"
        for path in repository_files()
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert [] == found
