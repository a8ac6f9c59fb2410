"""Removing what is stored, for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    delete,
    exists,
    inspect,
    null,
    select,
    tuple_,
    union,
    update,
)

from sequent_sa.dialects import Dialect
from sequent_sa.tables import (
    aggregate_types,
    aggregate_unique_keys,
    aggregates,
    aggregates_that_need_snapshots,
    commands,
    events,
    partition_key_changes,
    saved_event_records,
    snapshot_records,
)

_BESIDE_EVENTS = (aggregate_unique_keys, partition_key_changes, snapshot_records, aggregates_that_need_snapshots)
_COMMANDS_A_STATEMENT = 500


@dataclass(slots=True)
class Deleted:
    """What was removed: the type of each aggregate, and how many rows of each table.

    `emptied_commands` are those that had events of other aggregates too: they stay, without what they said.
    `unmanaged` names the view and archived tables that no projector of this application manages: nobody looked there.
    """

    aggregates: dict[UUID, str] = field(default_factory=dict[UUID, str])
    rows: Counter[str] = field(default_factory=Counter[str])
    emptied_commands: list[int] = field(default_factory=list[int])
    unmanaged: list[str] = field(default_factory=list[str])


class Deletion:
    """Deletes in the caller's transaction."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def streams(self, connection: Connection, aggregate_ids: Collection[UUID]) -> Deleted:
        """Remove events, unique keys, snapshots and all else about aggregates, but not their commands.

        What the database keeps of deleted events, in `saved_event_records`, stays.
        """
        ids = self._ids(aggregate_ids)
        which = self._dialect.among(aggregates.c.aggregate_id)
        found = (
            select(aggregates.c.aggregate_id, aggregate_types.c.type)
            .join(aggregate_types, aggregate_types.c.id == aggregates.c.aggregate_type_id)
            .where(which)
            .order_by(aggregates.c.aggregate_id)
            .with_for_update(of=aggregates)  # whoever appends waits, and then finds nothing
        )
        deleted = Deleted(dict(tuple(row) for row in connection.execute(found, ids)))
        self._delete(connection, events, self._events(), ids, deleted.rows)
        for table in (*_BESIDE_EVENTS, aggregates):
            self._delete(connection, table, self._dialect.among(table.c.aggregate_id), ids, deleted.rows)
        return deleted

    def commands_without_events(self, connection: Connection, aggregate_id: UUID) -> int:
        """Remove the commands to an aggregate that no event is left of. Returns how many there were."""
        statement = delete(commands).where(commands.c.aggregate_id == aggregate_id, ~_has_events())
        return connection.execute(statement).rowcount

    def everything(self, connection: Connection, aggregate_ids: Collection[UUID]) -> Deleted:
        """Remove aggregates as if they had never been: also their commands, and what is kept of deleted events."""
        ids = self._ids(aggregate_ids)
        deleted = self.streams(connection, aggregate_ids)
        kept = self._dialect.among(saved_event_records.c.aggregate_id)
        # The database kept the events that were deleted a moment ago too, so that their commands are still known.
        concerned = commands.c.id.in_(
            union(
                select(commands.c.id).where(self._dialect.among(commands.c.aggregate_id)),
                select(saved_event_records.c.command_id).where(kept),
            )
        )
        self._delete(connection, commands, concerned & ~_has_events(), ids, deleted.rows)
        left = connection.scalars(select(commands.c.id).where(concerned).order_by(commands.c.id), ids).all()
        for start in range(0, len(left), _COMMANDS_A_STATEMENT):
            _empty(connection, left[start : start + _COMMANDS_A_STATEMENT])
        deleted.emptied_commands += left
        own = Counter[str]()
        self._delete(connection, saved_event_records, kept, ids, own)
        deleted.rows[saved_event_records.name] = own[saved_event_records.name] - deleted.rows[events.name]
        deleted.rows += Counter()  # without those of which there was nothing
        return deleted

    def is_known(self, connection: Connection, aggregate_id: UUID) -> bool:
        """Whether anything is stored of an aggregate, if only what was kept of it."""
        tables = (aggregates, commands, saved_event_records)
        return any(connection.scalar(select(exists().where(table.c.aggregate_id == aggregate_id))) for table in tables)

    def _events(self) -> ColumnElement[bool]:
        key = (aggregates.c.events_partition_key, aggregates.c.aggregate_id)
        these = select(*key).where(self._dialect.among(aggregates.c.aggregate_id))
        return tuple_(events.c.partition_key, events.c.aggregate_id).in_(these)

    def _ids(self, aggregate_ids: Collection[UUID]) -> dict[str, Any]:
        return dict(self._dialect.ids(sorted(set(aggregate_ids))))

    @staticmethod
    def _delete(
        connection: Connection, table: Table, which: ColumnElement[bool], ids: Mapping[str, Any], into: Counter[str]
    ) -> None:
        into[table.name] += connection.execute(delete(table).where(which), dict(ids)).rowcount


def _has_events() -> ColumnElement[bool]:
    return exists().where(events.c.command_id == commands.c.id)


def _empty(connection: Connection, command_ids: Sequence[int]) -> None:
    """Leave nothing of commands but what others refer to: also in columns that the application added."""
    schemas: Mapping[Any, str | None] = connection.get_execution_options().get("schema_translate_map") or {}
    present = inspect(connection).get_columns(commands.name, schema=schemas.get(commands.schema, commands.schema))
    own = [column["name"] for column in present if column["name"] not in commands.c and column["nullable"]]
    columns: list[Column[Any]] = [Column(each.name, each.type) for each in (commands.c.id, commands.c.command_json)]
    columns += [Column(name, Text()) for name in own]
    table = Table(commands.name, MetaData(schema=commands.schema), *columns)
    values = {"command_json": "{}", **dict.fromkeys(own, null())}
    connection.execute(update(table).where(table.c.id.in_(command_ids)).values(values))
