"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """`ERROR`: commands, queries or the next deployment fail. `WARNING`: something waits to be done."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it when it is not as it should be.

    `text` is one line, whatever a database or an exception had to say.
    """

    check: str
    status: Status
    text: str
    fix: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", " ".join(self.text.split()))


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Status.OK, text)


def warning(check: str, text: str, fix: str) -> Finding:
    """Something waits to be done."""
    return Finding(check, Status.WARNING, text, fix)


def error(check: str, text: str, fix: str | None = None) -> Finding:
    """Something fails, or will."""
    return Finding(check, Status.ERROR, text, fix)
