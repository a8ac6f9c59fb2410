"""Code that fits into a line, broken as formatters break it where it does not."""

from __future__ import annotations

from collections.abc import Sequence

INDENT = "    "


def call(before: str, arguments: Sequence[str], after: str, *, indent: int, width: int) -> str:
    """`before(arguments)after`, in one line, or with the arguments in lines of their own.

    `indent` is the number of spaces in front, `width` that of characters in a line.
    """
    outer, inner = " " * indent, " " * indent + INDENT
    joined = ", ".join(arguments)
    for text in (f"{outer}{before}({joined}){after}", f"{outer}{before}(\n{inner}{joined}\n{outer}){after}"):
        if all(len(line) <= width for line in text.splitlines()):
            return text
    lines = "".join(f"{inner}{argument},\n" for argument in arguments)
    return f"{outer}{before}(\n{lines}{outer}){after}"
