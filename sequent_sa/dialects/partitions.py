"""What is asked of a database about the partitions of the events."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement


class Partition(NamedTuple):
    """A partition of the events: those with a key from `lower` on, below `upper`; None for the default partition.

    `rows` is the server's estimate, None when it has none yet; `size` is in bytes, indexes included.
    """

    name: str
    lower: str | None
    upper: str | None
    rows: int | None
    size: int


class Move(NamedTuple):
    """Which aggregates are moved, and the partition key that each gets."""

    which: ColumnElement[bool]
    key: ColumnElement[str]


class Partitions(Protocol):
    """The partitions of the table of events."""

    def found(self) -> Sequence[Partition]:
        """What there is, the default partition last."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep others from making partitions. Raises `LockTimeout` when one does so."""
        ...

    def check(self, lower: str, upper: str) -> None:
        """Raise `ConfigurationError` when there can be no partition of these keys."""
        ...

    def set_aside(self, lower: str, upper: str) -> None:
        """From now on an aggregate that gets a key in this range gets another, under which it waits."""
        ...

    def attach(self, name: str, lower: str, upper: str) -> None:
        """Make the partition, and set no key aside any more. No aggregate may have a key in the range."""
        ...

    def moving_out(self, lower: str, upper: str) -> Move:
        """The aggregates with a key in a range, to the keys under which they wait."""
        ...

    def moving_in(self, lower: str, upper: str) -> Move:
        """The aggregates that wait for a partition, to the keys that they had."""
        ...
