"""Reading very many events on SQLite, past SQLAlchemy."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from sequent_sa.dialects.dialect import EventValues
from sequent_sa.dialects.driver_transaction import errors_of, refuse
from sequent_sa.dialects.statement import Statement
from sequent_sa.tables import events

_ROWS = 1_000


def stream_events(
    connection: Connection, where: Sequence[ColumnElement[bool]]
) -> Generator[Sequence[EventValues], None, None]:
    """Events, aggregate by aggregate, a bounded number at a time."""
    columns = events.c
    statement = (
        select(
            columns.aggregate_id, columns.sequence_number, columns.created_at, columns.event_type_id, columns.event_json
        )
        .where(*where)
        .order_by(columns.partition_key, columns.aggregate_id, columns.sequence_number)
    )
    compiled = Statement(statement).compiled(connection)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(compiled.text, compiled.values({}))
        while rows := cursor.fetchmany(_ROWS):
            yield _with_values(rows)
    except errors_of(connection) as error:
        refuse(connection, compiled.text, error)
    finally:
        cursor.close()


def _with_values(rows: Sequence[Sequence[Any]]) -> list[EventValues]:
    result: list[EventValues] = []
    last: object = None
    aggregate_id = UUID(int=0)
    read_moment = datetime.fromisoformat
    for stored_id, number, moment, type_id, data in rows:
        if stored_id != last:
            last, aggregate_id = stored_id, UUID(stored_id)
        created_at = read_moment(moment)
        if created_at.tzinfo is not UTC:
            created_at = created_at.astimezone(UTC)
        result.append((aggregate_id, number, created_at, type_id, data))
    return result
