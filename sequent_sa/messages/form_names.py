"""Names of form fields: `lines[0][cents]` ↔ the path of steps to it."""

from __future__ import annotations

import re
from collections.abc import Iterable

DEEPEST = 32
"""How deep input may be nested."""

MOST = 10_000
"""How many names a form may have."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def path_of(name: str) -> tuple[str, ...]:
    """The steps in the name of a form field; one step, the name itself, where the brackets make no sense."""
    matched = _NAME.fullmatch(name)
    if matched is None:
        return (name,)
    return (matched[1], *matched[2][1:-1].split("][")) if matched[2] else (matched[1],)


def name_of(path: Iterable[object]) -> str:
    """The name of the form field at a path."""
    first, *rest = path
    return f"{first}{''.join(f'[{step}]' for step in rest)}"
