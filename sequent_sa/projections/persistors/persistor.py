"""What a projector asks of the place where its rows go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import CursorResult, Executable

from sequent_sa.projections.persistors.record_table import Where

R = TypeVar("R")


class Persistor(Protocol):
    """The few operations from which a projector makes all of its own."""

    def insert(self, record_type: type[R], records: Sequence[R]) -> None:
        """Store new records. Values that the database generates are set on them where that is possible."""
        ...

    def find(self, record_type: type[R], where: Where) -> list[R]:
        """All records that match, ordered by primary key."""
        ...

    def save(self, record_type: type[R], record: R, before: Mapping[str, Any]) -> None:
        """Store what differs in a record from the values that it had before."""
        ...

    def delete(self, record_type: type[R], record: R) -> None:
        """Remove one record; nothing happens when it is not there."""
        ...

    def update_all(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        """Change all records that match."""
        ...

    def delete_all(self, record_type: type[R], where: Where) -> None:
        """Remove all records that match."""
        ...

    def execute_sql(self, statement: Executable, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        """Run a statement of the projector's own."""
        ...
