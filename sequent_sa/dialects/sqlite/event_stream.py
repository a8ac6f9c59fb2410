"""Reading very many events on SQLite, past SQLAlchemy."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from sequent_sa.dialects.dialect import EventsOfAggregate
from sequent_sa.dialects.driver_transaction import errors_of, refuse
from sequent_sa.dialects.statement import Statement
from sequent_sa.tables import events

_ROWS = 1_000
_ID = itemgetter(0)


def stream_events(
    connection: Connection, type_ids: Collection[int], where: Sequence[ColumnElement[bool]]
) -> Generator[EventsOfAggregate, None, None]:
    """Events of some types, aggregate by aggregate, of each a bounded number at a time."""
    columns = events.c
    statement = (
        select(
            columns.aggregate_id, columns.sequence_number, columns.created_at, columns.event_type_id, columns.event_json
        )
        # An expression, since an index on it would find events in another order: for each group of aggregates SQLite
        # would then look through the whole store.
        .where((columns.event_type_id + 0).in_(sorted(type_ids)), *where)
        .order_by(columns.partition_key, columns.aggregate_id, columns.sequence_number)
    )
    compiled = Statement(statement).compiled(connection)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(compiled.text, compiled.values({}))
        while rows := cursor.fetchmany(_ROWS):
            yield from _by_aggregate(rows)
    except errors_of(connection) as error:
        refuse(connection, compiled.text, error)
    finally:
        cursor.close()


def _by_aggregate(rows: Sequence[Sequence[Any]]) -> Iterator[EventsOfAggregate]:
    for stored_id, found in groupby(rows, _ID):
        yield UUID(stored_id), [(number, _moment(text), type_id, data) for _, number, text, type_id, data in found]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
