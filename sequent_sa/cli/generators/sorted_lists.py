"""Adding to the lists in imports and in `__all__`, at the place where sorting would put it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import libcst as cst

E = TypeVar("E", cst.ImportAlias, cst.Element)

_LINE = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
_END = cst.ParenthesizedWhitespace(indent=True)


def sort_key(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    """Constants, then classes, then the rest; numbers in names count as numbers."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = re.findall(r"\d+|\D+", name)
    return kind, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def inserted(
    elements: Sequence[E], new: E, name_of: Callable[[E], str], opening: cst.BaseParenthesizableWhitespace
) -> list[E]:
    """The elements with another one. `opening` is the space behind the bracket, which says how the list is written."""
    result: list[E] = []
    result.extend(elements)
    key = sort_key(name_of(new))
    place = next((index for index, each in enumerate(elements) if sort_key(name_of(each)) > key), len(elements))
    if place < len(result):
        result.insert(place, new.with_changes(comma=_between(elements, opening)))
        return result
    if result:
        last = result[-1]
        new = new.with_changes(comma=_without_comment(last.comma))
        result[-1] = last.with_changes(comma=_with_comment_of(last.comma, _between(elements, opening)))
    result.append(new)
    return result


def in_lines(elements: Sequence[E]) -> list[E]:
    """The elements, each in a line of its own, with a comma behind the last one."""
    *others, last = elements
    return [
        *(each.with_changes(comma=cst.Comma(whitespace_after=_LINE)) for each in others),
        last.with_changes(comma=cst.Comma(whitespace_after=_END)),
    ]


def first_line() -> cst.ParenthesizedWhitespace:
    """The space behind the bracket that opens a list in lines."""
    return _LINE


def _between(elements: Sequence[E], opening: cst.BaseParenthesizableWhitespace) -> cst.Comma:
    if len(elements) > 1 and isinstance(elements[0].comma, cst.Comma):
        space = elements[0].comma.whitespace_after
    else:
        space = opening
    if isinstance(space, cst.ParenthesizedWhitespace):
        return cst.Comma(whitespace_after=_plain(space))
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _plain(space: cst.ParenthesizedWhitespace) -> cst.ParenthesizedWhitespace:
    return cst.ParenthesizedWhitespace(indent=space.indent, last_line=space.last_line)


def _without_comment(comma: cst.Comma | cst.MaybeSentinel) -> cst.Comma | cst.MaybeSentinel:
    if isinstance(comma, cst.Comma) and isinstance(comma.whitespace_after, cst.ParenthesizedWhitespace):
        return comma.with_changes(whitespace_after=_plain(comma.whitespace_after))
    return comma


def _with_comment_of(comma: cst.Comma | cst.MaybeSentinel, between: cst.Comma) -> cst.Comma:
    if isinstance(comma, cst.Comma) and isinstance(between.whitespace_after, cst.ParenthesizedWhitespace):
        space = comma.whitespace_after
        if isinstance(space, cst.ParenthesizedWhitespace):
            kept = between.whitespace_after.with_changes(first_line=space.first_line, empty_lines=space.empty_lines)
            return between.with_changes(whitespace_after=kept)
    return between
