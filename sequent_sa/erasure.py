"""Removing aggregates for good, wherever something of them is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine, func, select

from sequent_sa.dialects import dialect_of
from sequent_sa.event_store.deletion import Deleted, Deletion
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.exceptions import AggregateNotFound, ErasureError
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.persistors.record_table import Where, record_table
from sequent_sa.projections.projector import Projector
from sequent_sa.replay.replay_state import forget_errors, refuse_in_progress
from sequent_sa.tables.schema import EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE, metadata
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork

R = TypeVar("R")

_ARCHIVE = "archive_schema."


class Erasure:
    """Removes aggregates. Each call is a transaction of its own, or part of the unit of work around it."""

    def __init__(self, units: UnitsOfWork, engine: Engine, projectors: Sequence[type[Projector]]) -> None:
        self._units = units
        self._engine = engine
        self._dialect = dialect_of(engine)
        self._deletion = Deletion(self._dialect)
        self._projectors = projectors

    def permanently_delete_event_streams(self, *aggregate_ids: UUID) -> Deleted:
        """Remove the events of aggregates, their unique keys and snapshots.

        Commands and view rows stay, and the database keeps a copy of each event in `saved_event_records`: see `erase`.
        Raises `AggregateNotFound` for ids that are not stored; then nothing is removed.
        """
        with self._transaction() as transaction, transaction.reading() as connection:
            deleted = self._deletion.streams(connection, aggregate_ids)
            unknown = [each for each in aggregate_ids if each not in deleted.aggregates]
            if unknown:
                raise AggregateNotFound(unknown)
            return deleted

    def permanently_delete_commands_without_events(self, aggregate_id: UUID) -> int:
        """Remove the commands to an aggregate of which no event is left. Returns how many there were.

        Raises `TypeError` for what is not an id, so that nobody removes the commands to all.
        """
        if not isinstance(aggregate_id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance] (users may not type-check)
            raise TypeError(f"an aggregate id must be a UUID, not {aggregate_id!r}")
        with self._transaction() as transaction, transaction.reading() as connection:
            return self._deletion.commands_without_events(connection, aggregate_id)

    def erase(self, *aggregate_ids: UUID) -> Deleted:
        """Remove aggregates from everywhere, and say what was removed.

        That is: their events, also those that were deleted or changed before, their unique keys and snapshots, their
        commands, and through `Projector.erase` the rows about them in view tables and in those that a replay
        replaced. A command that has events of other aggregates too stays, without its attributes.

        Raises `AggregateNotFound` when nothing is stored of an id, `ReplayError` while a replay is in progress, which
        would bring rows back, and `ErasureError` when a projector fails.
        """
        with self._transaction() as transaction, transaction.reading() as connection:
            self._dialect.exclude_replays(connection)
            refuse_in_progress(connection)
            self._dialect.overwrite_deleted(connection)
            missing = [each for each in aggregate_ids if not self._deletion.is_known(connection, each)]
            if missing:
                raise AggregateNotFound(missing)
            self._dialect.forget_ended_replays(connection)
            forget_errors(connection)
            rows = Counter[str]()
            present = self._dialect.view_tables(connection)
            self._erase_rows(transaction, aggregate_ids, present, "", rows)
            with self._dialect.archive(connection) as archived:
                self._erase_rows(transaction, aggregate_ids, archived, _ARCHIVE, rows)
            deleted = self._deletion.everything(connection, aggregate_ids)
            deleted.rows += rows
            deleted.unmanaged = [*self._unmanaged(present, ""), *self._unmanaged(archived, _ARCHIVE)]
        self._dialect.forget_deleted(self._engine)
        return deleted

    @contextmanager
    def _transaction(self) -> Generator[Transaction, None, None]:
        unit = self._units.find()
        if unit is not None:
            yield unit.transaction
            return
        with self._units.open() as unit:
            yield unit.transaction

    def _unmanaged(self, present: Collection[str], prefix: str) -> list[str]:
        known = {record_table(record).table.name for each in self._projectors for record in each.managed_tables or ()}
        known |= {table.name for table in metadata.tables.values()} | {EVENT_STORE_VERSION_TABLE, VIEW_VERSION_TABLE}
        return [f"{prefix}{name}" for name in sorted(present) if name not in known]

    def _erase_rows(
        self, transaction: Transaction, ids: Sequence[UUID], present: Collection[str], where: str, rows: Counter[str]
    ) -> None:
        for projector_type in self._projectors:
            if projector_type.managed_tables is None:
                continue
            persistor = _ErasingPersistor(transaction, present, where, rows)
            try:
                projector_type(persistor).erase(ids)
                with transaction.reading():
                    """What is pending is sent, so that an error is this projector's."""
            except Exception as error:
                raise ErasureError(projector_type, bool(where), error) from error


class _ErasingPersistor(LivePersistor):
    """Leaves out tables that are not there, and counts the rows that are removed or changed."""

    def __init__(self, transaction: Transaction, present: Collection[str], prefix: str, rows: Counter[str]) -> None:
        super().__init__(lambda: transaction, lambda: None)
        self._present = present
        self._prefix = prefix
        self._rows = rows

    def find(self, record_type: type[R], where: Where) -> list[R]:
        return super().find(record_type, where) if self._has(record_type) else []

    def update_all(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        if self._has(record_type):
            self._count(record_type, where)
            super().update_all(record_type, where, changes)

    def delete_all(self, record_type: type[R], where: Where) -> None:
        if self._has(record_type):
            self._count(record_type, where)
            super().delete_all(record_type, where)

    def _has(self, record_type: type[R]) -> bool:
        return record_table(record_type).table.name in self._present

    def _count(self, record_type: type[R], where: Where) -> None:
        table = record_table(record_type)
        with self._transaction().reading() as connection:
            number = connection.scalar(select(func.count()).select_from(table.table).where(*table.matching(where)))
        self._rows[f"{self._prefix}{table.table.name}"] += number or 0
