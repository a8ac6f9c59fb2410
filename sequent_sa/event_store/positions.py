"""Reading on from where one was: no event of a transaction that was still open is missed, and none comes twice.

A window lies between two marks, each of which says what was committed at its moment; it is read in the order of
commands, and when it is exhausted its end is the beginning of the next one. The order of positions alone would lose
what a slow transaction commits late; waiting for that transaction would let one writer hold up every reader.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from sequent_sa import _clock
from sequent_sa.dialects import Dialect
from sequent_sa.event_store.load import Load, Position, behind
from sequent_sa.exceptions import EventStoreError
from sequent_sa.messages.event import Event
from sequent_sa.tables import commands, events, store_state

_BEFORE_ALL = "3:3:"
"""A mark at which nothing was committed yet."""


@dataclass(frozen=True, slots=True)
class EventPosition:
    """How far somebody has read. `str` makes a text of it to keep, `parse` reads that.

    Everything until the mark `after` has been read; of the window until the mark `until`, everything up to `last`.
    `cluster` is the database cluster in which the marks mean something.
    """

    after: str | None = None
    until: str | None = None
    last: Position | None = None
    cluster: str | None = None

    def __str__(self) -> str:
        last = self.last and [self.last.command_id, str(self.last.aggregate_id), self.last.sequence_number]
        return json.dumps({"after": self.after, "until": self.until, "last": last, "cluster": self.cluster})

    @classmethod
    def parse(cls, text: str) -> EventPosition:
        """The position that `str` made a text of. Raises `EventStoreError` for any other text."""
        try:
            data: dict[str, Any] = json.loads(text)
            last = None if data["last"] is None else Position(data["last"][0], UUID(data["last"][1]), data["last"][2])
            return cls(data["after"], data["until"], last, data["cluster"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EventStoreError(f"{text!r} is no position: keep what `str(batch.position)` gave") from error


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Some events in the order in which their commands were stored, and the position behind them."""

    events: list[Event]
    position: EventPosition


class Positions:
    """Reads what was committed since a position."""

    def __init__(self, dialect: Dialect, reader: Load) -> None:
        self._dialect = dialect
        self._reader = reader

    def read(
        self, connection: Connection, after: EventPosition | None, type_names: Collection[str] | None, limit: int
    ) -> EventBatch:
        """At most `limit` events that were committed after a position, of all types or some.

        An empty batch says that there is nothing more now. Raises `EventStoreError` when the database was restored
        into another cluster and nobody said so.
        """
        if limit < 1:
            raise ValueError(f"limit must be 1 or more, not {limit}")
        cluster = self._checked_cluster(connection)
        position = after or EventPosition(cluster=cluster)
        while True:
            is_new_window = position.until is None and position.cluster == cluster
            if position.cluster != cluster:
                position, found = self._restored(connection, position, cluster, type_names, limit)
            else:
                position, found = self._window(connection, position, type_names, limit)
            read = [event for _, event in found if event is not None]
            if read or (is_new_window and not found):
                return EventBatch(read, position)

    def mark(self, connection: Connection) -> EventPosition:
        """The position behind all that is committed now. Raises `EventStoreError` as `read` does."""
        cluster = self._checked_cluster(connection)
        return EventPosition(after=self._dialect.position_mark(connection), cluster=cluster)

    def _window(
        self, connection: Connection, position: EventPosition, type_names: Collection[str] | None, limit: int
    ) -> tuple[EventPosition, list[tuple[Position, Event | None]]]:
        until = position.until or self._dialect.position_mark(connection)
        where = [] if position.last is None else [behind(position.last)]
        found = self._reader.window(connection, type_names, after=position.after, until=until, where=where, limit=limit)
        if len(found) < limit:
            return replace(position, after=until, until=None, last=None), found
        return replace(position, until=until, last=found[-1][0]), found

    def _restored(
        self,
        connection: Connection,
        position: EventPosition,
        cluster: str | None,
        type_names: Collection[str] | None,
        limit: int,
    ) -> tuple[EventPosition, list[tuple[Position, Event | None]]]:
        # Marks of the former cluster still tell which of the restored events were read: that is mere arithmetic.
        restored = events.c.command_id <= select(store_state.c.floor_command_id).scalar_subquery()
        where = [restored, *self._dialect.not_committed_at(position.after), *self._rest_of_window(position)]
        found = self._reader.window(connection, type_names, after=None, until=None, where=where, limit=limit)
        if len(found) < limit:
            if position.until is not None:
                return replace(position, after=position.until, until=None, last=None), found
            return EventPosition(after=_BEFORE_ALL, cluster=cluster), found
        return replace(position, last=found[-1][0]), found

    def _rest_of_window(self, position: EventPosition) -> list[Any]:
        rest = [] if position.last is None else [behind(position.last)]
        return rest if position.until is None else [*rest, *self._dialect.committed_at(position.until)]

    def _checked_cluster(self, connection: Connection) -> str | None:
        current = self._dialect.cluster_identifier(connection)
        known = connection.scalar(select(store_state.c.system_identifier))
        if current is not None and known is not None and known != current:
            raise EventStoreError(
                "this database was copied or restored into another cluster, where its transaction ids mean nothing: "
                "run `sequent db after-restore` before anything reads on from a position"
            )
        return known if current is not None else None

    def after_restore(self, connection: Connection) -> None:
        """Say that the events that are here now came by a restore: they count as committed before everything else."""
        highest = select(commands.c.id).order_by(commands.c.id.desc()).limit(1).scalar_subquery()
        connection.execute(
            update(store_state).values(
                floor_command_id=connection.scalar(select(highest)) or 0,
                system_identifier=self._dialect.cluster_identifier(connection),
                updated_at=_clock.now(),
            )
        )
