"""One database, and the shape of what makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import Engine

DatabaseName = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Database:
    """A database that belongs to one test.

    `url` is complete, password included, and works from another process too. `engine` is a plain SQLAlchemy
    engine on it, disposed when the test ends.
    """

    name: DatabaseName
    url: str
    engine: Engine

    @property
    def is_postgresql(self) -> bool:
        """Whether this is PostgreSQL."""
        return self.name == "postgresql"


class Databases(Protocol):
    """Makes databases of one kind; all of them disappear with `drop_all`."""

    name: DatabaseName

    def create(self) -> Database:
        """A new, empty database."""
        ...

    def create_migrated(self) -> Database:
        """A new database with the event store's schema and no rows: a copy of one that was migrated once."""
        ...

    def drop_all(self) -> None:
        """Remove every database made since the last time, whoever is still connected."""
        ...

    def close(self) -> None:
        """Remove what was kept to copy from."""
        ...
