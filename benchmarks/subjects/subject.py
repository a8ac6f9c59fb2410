"""One way to keep the posts of the benchmark: what all that are compared can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

AUTHOR, TITLE, WORDS = "ben", "A title of twenty ch", 1


class Counts(NamedTuple):
    """What is stored, by looking: events, and view rows with all their columns right."""

    events: int
    rows: int


class Subject(Protocol):
    """Every method is durable when it returns."""

    def add(self, id_: UUID) -> object:
        """W1: one command makes a new post with four events. W4: and its view row, by an insert and three updates."""

    def count(self, id_: UUID) -> object:
        """W2: loads a post, and one command appends an event to it at the version that was loaded."""

    def load(self, id_: UUID) -> int:
        """W3: loads a post, its events folded into an object of a class. Returns its version."""

    def store(self, ids: Sequence[UUID], events: int) -> None:
        """Store posts with so many events. Not measured."""

    def counts(self) -> Counts:
        """What is stored now."""

    def close(self) -> None:
        """Disconnect."""
