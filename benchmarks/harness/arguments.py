"""The numbers on the command line of a program."""

from __future__ import annotations

import sys


def numbers(*defaults: int) -> list[int]:
    """What was given, and the defaults for the rest."""
    given = [int(each) for each in sys.argv[1:]]
    return given + list(defaults[len(given) :])
