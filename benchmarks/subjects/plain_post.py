"""The least that loads a post: msgspec decodes the text of each event to a class, and an object takes it in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from benchmarks.subjects.subject import AUTHOR, TITLE, WORDS


class AuthorChanged(msgspec.Struct, frozen=True):
    author: str


class TitleChanged(msgspec.Struct, frozen=True):
    title: str


class WordsCounted(msgspec.Struct, frozen=True):
    words: int


COMMAND = f'{{"author":"{AUTHOR}","title":"{TITLE}","words":{WORDS}}}'
COUNT = f'{{"words":{WORDS}}}'
EVENTS = (
    ("PostAdded", "{}"),
    ("PostAuthorChanged", f'{{"author":"{AUTHOR}"}}'),
    ("PostTitleChanged", f'{{"title":"{TITLE}"}}'),
    ("PostWordsCounted", COUNT),
)

_AUTHOR, _TITLE, _WORDS = map(msgspec.json.Decoder, (AuthorChanged, TitleChanged, WordsCounted))


class PlainPost:
    """A post, from rows of (type, sequence number, moment, JSON)."""

    author = ""
    title = ""
    words = 0
    version = 0

    def __init__(self, rows: Iterable[Any]) -> None:
        for type_, number, _, data in rows:
            if type_ == "PostWordsCounted":
                self.words = _WORDS.decode(data).words
            elif type_ == "PostTitleChanged":
                self.title = _TITLE.decode(data).title
            elif type_ == "PostAuthorChanged":
                self.author = _AUTHOR.decode(data).author
            self.version = number
