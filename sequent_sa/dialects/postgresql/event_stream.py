"""Reading very many events on PostgreSQL: COPY, which streams, with one line for many events of an aggregate.

A cursor makes both sides wait for each other, and a line for each event costs more than all that is in it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import ColumnElement, Connection, Text, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from sequent_sa.dialects.dialect import EventValues
from sequent_sa.dialects.driver_transaction import refuse
from sequent_sa.tables import events

# However many events an aggregate has, what is in memory is bounded.
_EVENTS_A_LINE = 100
_EVENTS_A_PORTION = 1_000

_columns = events.c
_EVENT = func.concat(
    "[",
    _columns.event_type_id,
    ",",
    _columns.sequence_number,
    ",",
    func.to_json(_columns.created_at),
    ",",
    cast(_columns.event_json, Text),
    "]",
)
_LINE = func.concat(
    "[", func.string_agg(_EVENT, aggregate_order_by(literal(","), _columns.sequence_number), type_=Text()), "]"
)
_ORDER = (_columns.partition_key, _columns.aggregate_id, (_columns.sequence_number - 1) // _EVENTS_A_LINE)

_read_line = msgspec.json.Decoder(list[tuple[int, int, datetime, msgspec.Raw]]).decode


def stream_events(
    connection: Connection, where: Sequence[ColumnElement[bool]]
) -> Generator[Sequence[EventValues], None, None]:
    """Events, aggregate by aggregate, a bounded number at a time."""
    # Moments come as text in the time zone of the session.
    connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
    statement = select(_columns.aggregate_id, _LINE).where(*where).group_by(*_ORDER).order_by(*_ORDER)
    compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
    copied = f"COPY ({compiled}) TO STDOUT (ENCODING 'UTF8')"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(copied, compiled.params) as copy:
            portion: list[EventValues] = []
            for line in copy:
                portion += _events(line)
                if len(portion) >= _EVENTS_A_PORTION:
                    yield portion
                    portion = []
            yield portion
    except psycopg.Error as error:
        refuse(connection, copied, error)


def _events(line: Any) -> list[EventValues]:
    stored_id, found = bytes(line).split(b"\t", 1)
    if b"\\" in found:
        found = found.replace(b"\\\\", b"\\")  # JSON escapes everything else that COPY would
    aggregate_id = UUID(stored_id.decode())
    return [
        (aggregate_id, number, created_at, type_id, data) for type_id, number, created_at, data in _read_line(found)
    ]
