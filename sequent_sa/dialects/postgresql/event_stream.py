"""Reading very many events on PostgreSQL: COPY, which streams, with one line for many events of an aggregate.

A cursor makes both sides wait for each other, and a line for each event costs more than all that is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import ColumnElement, Connection, Text, func, literal, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from sequent_sa.dialects.dialect import EventsOfAggregate
from sequent_sa.dialects.driver_transaction import refuse
from sequent_sa.tables import events

# However many events an aggregate has, what is in memory is bounded.
_EVENTS_A_LINE = 100

_columns = events.c
# For the server most of the work: as few parts as can be, and to_json would take twice as long for a moment.
_EVENT = func.concat(
    _columns.sequence_number, ',"', _columns.created_at, ':00",', _columns.event_type_id, ",", _columns.event_json
)
_LINE = func.concat(
    '["',
    _columns.aggregate_id,
    '",[[',
    func.string_agg(_EVENT, aggregate_order_by(literal("],["), _columns.sequence_number), type_=Text()),
    "]]]",
)
_ORDER = (_columns.partition_key, _columns.aggregate_id, (_columns.sequence_number - 1) // _EVENTS_A_LINE)

# Moments come as text in the time zone of the session, whose offset has only hours then. And the order is to come from
# the index: if everything is sorted first, the client waits for that.
_SETTINGS = text("SELECT set_config('TimeZone', 'UTC', true), set_config('enable_sort', 'off', true)")

_read_line = msgspec.json.Decoder(tuple[UUID, list[tuple[int, datetime, int, msgspec.Raw]]]).decode


def stream_events(
    connection: Connection, type_ids: Collection[int], where: Sequence[ColumnElement[bool]]
) -> Generator[EventsOfAggregate, None, None]:
    """Events of some types, aggregate by aggregate, of each a bounded number at a time."""
    connection.execute(_SETTINGS)
    of_types = _columns.event_type_id.in_(sorted(type_ids))
    statement = select(_LINE).where(of_types, *where).group_by(*_ORDER).order_by(*_ORDER)
    compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
    copied = f"COPY ({compiled}) TO STDOUT (ENCODING 'UTF8')"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(copied, compiled.params) as copy:
            for line in map(bytes, copy):
                # JSON escapes everything else that COPY would.
                yield _read_line(line.replace(b"\\\\", b"\\") if b"\\" in line else line)
    except psycopg.Error as error:
        refuse(connection, copied, error)
