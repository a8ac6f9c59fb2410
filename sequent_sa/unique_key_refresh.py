"""Unique keys for what was stored before the code that computes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from sequent_sa.event_store.event_store import EventStore
from sequent_sa.exceptions import AggregateKeyNotUnique, ConcurrencyError, ConfigurationError
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork

_ATTEMPTS = 5


class UniqueKeyRefresh:
    """Goes through aggregates in groups, each in a transaction of its own, while the application keeps running."""

    def __init__(self, units: UnitsOfWork, store: EventStore, repository: AggregateRepository) -> None:
        self._units = units
        self._store = store
        self._repository = repository

    def run(
        self, types: Sequence[str] | None, group_size: int, progress: Callable[[int], object]
    ) -> list[AggregateKeyNotUnique]:
        """Refresh the keys of all aggregates of some types; `progress` gets the number of those that were looked at.

        Returns what could not be stored: these aggregates keep the keys that they had.
        """
        if group_size < 1:
            raise ConfigurationError(f"group_size must be 1 or more, not {group_size}")
        done = 0
        after: UUID | None = None
        conflicting: list[UUID] = []
        while ids := self._page(types, after, group_size):
            if self._refresh(ids) is not None:
                conflicting += [id_ for id_ in ids if self._refresh([id_]) is not None]
            done, after = done + len(ids), ids[-1]
            progress(done)
        # Whoever held the key may have given it up since.
        return [conflict for id_ in conflicting if (conflict := self._refresh([id_])) is not None]

    def _page(self, types: Sequence[str] | None, after: UUID | None, size: int) -> Sequence[UUID]:
        with self._units.reading() as transaction:
            return self._store.aggregate_ids(transaction, types, after, size)

    def _refresh(self, ids: Sequence[UUID]) -> AggregateKeyNotUnique | None:
        for attempt in range(_ATTEMPTS):
            try:
                with self._units.open():
                    self._repository.update_unique_keys(ids)
            except AggregateKeyNotUnique as conflict:
                return conflict
            except ConcurrencyError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                break
        return None
