"""Names given on the command line, in the forms that code needs."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass
from typing import Self

import sequent_sa
from sequent_sa._naming import snake_case
from sequent_sa.exceptions import ConfigurationError

# What generated modules import, besides everything from `sequent_sa`.
_IMPORTED = frozenset({"UUID", "Decimal", "Mapped", "ViewRecord"})


@dataclass(frozen=True, slots=True)
class Name:
    """`snake` is for modules and functions, `camel` for classes."""

    snake: str
    camel: str

    @classmethod
    def parse(cls, text: str, what: str) -> Self:
        """Both forms of `blog-post`, `blog_post` or `BlogPost`; `what` is named, as in "an aggregate".

        Raises `ConfigurationError` when Python could not use it as a name, or means something else by it.
        """
        snake = re.sub(r"[\s.-]+", "_", snake_case(text)).strip("_")
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", snake):
            raise ConfigurationError(
                f"{text!r} is no name for {what}: begin with a letter, and use only letters a-z, digits, - and _"
            )
        camel = text if re.fullmatch(r"[A-Z][A-Za-z0-9]*", text) else _camel_case(snake)
        taken = camel in sequent_sa.__all__ or camel in _IMPORTED or hasattr(builtins, camel)
        if taken or keyword.iskeyword(snake) or keyword.iskeyword(camel):
            raise ConfigurationError(f"{text!r} is no name for {what}: it means something else in Python already")
        return cls(snake, camel)

    @classmethod
    def of_aggregate(cls, text: str) -> Self:
        """The name of an aggregate: the same for `HTTPLog` and `http_log`, since its modules are found by it.

        Raises `ConfigurationError`.
        """
        snake = cls.parse(text, "an aggregate").snake
        return cls(snake, _camel_case(snake))

    @property
    def words(self) -> str:
        """The name in a sentence: `PublishPost` as `Publish post`."""
        return self.snake.replace("_", " ").capitalize()

    def without(self, other: Name) -> str:
        """The snake-case form without the name of an aggregate in front or behind: `PostAdded` as `added`."""
        for short in (self.snake.removeprefix(f"{other.snake}_"), self.snake.removesuffix(f"_{other.snake}")):
            if short != self.snake and short.isidentifier() and not keyword.iskeyword(short):
                return short
        return self.snake


def _camel_case(snake: str) -> str:
    return "".join(word.capitalize() for word in snake.split("_"))
