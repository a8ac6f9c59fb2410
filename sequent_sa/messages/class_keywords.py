"""What stands behind the bases of a class statement, checked where it is written."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sequent_sa._narrowing import is_iterable
from sequent_sa.exceptions import ConfigurationError


def alias_names(owner: str, aliases: object) -> tuple[str, ...]:
    """The names in a class keyword `aliases`, one of which may stand alone. Raises `ConfigurationError`."""
    if isinstance(aliases, str):
        return (aliases,)
    if not is_iterable(aliases):
        raise ConfigurationError(f"{owner}: aliases={aliases!r} must be a list of names, such as aliases=['OldName']")
    return tuple(aliases)


def refuse_keywords(owner: str, unknown: Iterable[str], known: Iterable[str]) -> None:
    """Raise `ConfigurationError` for class keywords that there are not."""
    names = sorted(known)
    for keyword in unknown:
        near = get_close_matches(keyword, names, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(f"{owner}: unknown class keyword {keyword!r}: {meant}there is {', '.join(names)}")
