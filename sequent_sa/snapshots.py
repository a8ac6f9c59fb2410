"""Taking snapshots, and looking after those that were taken."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.event_store.snapshots import SnapshotStore
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork

logger = logging.getLogger(__name__)

_FORGOTTEN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class TakenSnapshots:
    """Of which aggregates a snapshot was taken, and of which it could not be, with the reason."""

    taken: Sequence[UUID]
    failed: Sequence[tuple[UUID, Exception]]


class Snapshots:
    """The snapshots of an application. Each call is a transaction of its own, or part of the unit of work around it.

    The current version of an aggregate's snapshots is the `snapshot_version` of its class.
    """

    def __init__(self, units: UnitsOfWork, store: SnapshotStore, repository: AggregateRepository) -> None:
        self._units = units
        self._store = store
        self._repository = repository

    def take(self, limit: int, *, forgotten_after: timedelta = _FORGOTTEN_AFTER) -> TakenSnapshots:
        """Take snapshots of at most `limit` aggregates that need one, those that have waited longest first.

        Several processes may do so at once: each aggregate is one's. Together they work on at most `limit` aggregates,
        not counting what a process that died began longer than `forgotten_after` ago, which is taken up again.
        An aggregate that cannot have a snapshot is logged, put behind all others, and named in what is returned.
        """
        if limit < 1:
            raise ConfigurationError(f"limit must be 1 or more, not {limit}")
        taken: list[UUID] = []
        failed: list[tuple[UUID, Exception]] = []
        with self._transaction() as transaction:
            scheduled = self._store.schedule(transaction, limit, _clock.now() - forgotten_after)
        for outdated in scheduled:
            try:
                self.take_one(outdated.aggregate_id)
                taken.append(outdated.aggregate_id)
            except Exception as error:
                about = {"aggregate_id": outdated.aggregate_id, "error": type(error).__name__}
                names = outdated.aggregate_type, outdated.aggregate_id
                logger.error("no snapshot of %s %s: %s", *names, type(error).__name__, extra=about)
                logger.debug("why there is no snapshot of %s %s", *names, exc_info=error, extra=about)
                failed.append((outdated.aggregate_id, error))
                with self._transaction() as transaction:
                    self._store.postpone(transaction, outdated)
        return TakenSnapshots(taken, failed)

    def take_one(self, aggregate_id: UUID) -> Snapshot:
        """Take a snapshot of one aggregate, whether it needs one or not, from all of its events.

        Raises `AggregateNotFound`, `AggregateError` when its class has no snapshots, and `StateNotSerializable`.
        """
        snapshot = self._repository.take_snapshot(aggregate_id)
        with self._transaction() as transaction:
            self._store.store(transaction, snapshot)
        return snapshot

    def latest(self, aggregate_id: UUID) -> Snapshot | None:
        """The newest snapshot of the current version."""
        with self._units.reading() as transaction:
            return self._store.latest(transaction, aggregate_id)

    def outdated(self, after: UUID | None = None, limit: int = 10) -> Sequence[UUID]:
        """The ids of aggregates that need a snapshot of the current version, in order, behind one."""
        with self._units.reading() as transaction:
            return self._store.outdated(transaction, after, limit)

    def mark(self, *aggregate_ids: UUID) -> None:
        """Say that aggregates need a snapshot, whatever their threshold says. Unknown ids are left out."""
        with self._transaction() as transaction:
            self._store.mark(transaction, aggregate_ids)

    def clear(self, *aggregate_ids: UUID) -> None:
        """Remove the snapshots of aggregates; at their next event after the threshold they need one again.

        Do this after you changed stored events.
        """
        with self._transaction() as transaction:
            self._store.clear(transaction, aggregate_ids)

    def clear_unchanged_since(self, moment: datetime) -> None:
        """Remove the snapshots of all aggregates that have no event at or after a moment.

        Raises `ValueError` for a moment without timezone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no timezone: give an aware datetime, such as datetime(..., tzinfo=UTC)")
        with self._transaction() as transaction:
            self._store.clear_unchanged_since(transaction, moment)

    def delete_all(self) -> int:
        """Remove all snapshots; what had one, or needs one, needs a new one. Returns how many there were."""
        with self._transaction() as transaction:
            return self._store.delete_all(transaction)

    def delete_below(self, aggregate_id: UUID, sequence_number: int) -> int:
        """Remove an aggregate's snapshots of the current version below a number. Returns how many there were."""
        with self._transaction() as transaction:
            return self._store.delete_below(transaction, aggregate_id, sequence_number)

    def delete_unknown(self) -> int:
        """Remove the snapshots of versions that no class has any more.

        Returns for how many aggregates, and versions of each, something was removed.
        """
        with self._transaction() as transaction:
            return self._store.delete_unknown(transaction)

    def register_versions(self) -> int:
        """Have every aggregate that had or needs a snapshot need one of the current version too.

        Do this when a `snapshot_version` was raised. Returns how many aggregates need a snapshot now that had none.
        """
        with self._transaction() as transaction:
            return self._store.register_versions(transaction)

    @contextmanager
    def _transaction(self) -> Generator[Transaction, None, None]:
        unit = self._units.find()
        if unit is not None:
            yield unit.transaction
            return
        with self._units.open() as unit:
            yield unit.transaction
