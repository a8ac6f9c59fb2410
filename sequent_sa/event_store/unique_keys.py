"""Reserving, moving and freeing unique keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import Select, and_, delete, not_, or_, select

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import Dialect
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.write import Write
from sequent_sa.tables import aggregate_unique_keys


def encode_key(key: Mapping[str, object]) -> str:
    """A key as JSON text, the same for equal keys whatever the order of their names."""
    return msgspec.json.encode(key, order="deterministic").decode()


def unique_key_writes(dialect: Dialect, streams: Sequence[EventStream]) -> Iterator[Write]:
    """Make the stored keys of these aggregates those that they have now.

    All keys that are given up are freed before any is taken, so that aggregates can move and swap keys; taking
    goes in the order of scope and key, so that concurrent transactions cannot deadlock.
    """
    table = aggregate_unique_keys
    declaring = [stream for stream in streams if stream.unique_keys is not None]
    wanted: list[tuple[str, str, EventStream]] = []
    for stream in declaring:
        keys = [(scope, encode_key(key)) for scope, key in (stream.unique_keys or {}).items()]
        kept = or_(*(and_(table.c.scope == scope, table.c.key == key) for scope, key in keys))
        mine = table.c.aggregate_id == stream.aggregate_id
        yield Write(delete(table).where(mine, not_(kept)) if keys else delete(table).where(mine))
        wanted += [(scope, key, stream) for scope, key in keys]
    for scope, key, stream in sorted(wanted, key=lambda item: item[:2]):
        yield Write(
            dialect.insert_or_ignore(table, "aggregate_id", "scope"),
            {"aggregate_id": stream.aggregate_id, "scope": scope, "key": key},
            conflicts.taking_key(stream, scope),
        )


def find_by_unique_key(scope: str, key: Mapping[str, object]) -> Select[UUID]:
    """The id of the aggregate that holds a key."""
    table = aggregate_unique_keys
    return select(table.c.aggregate_id).where(table.c.scope == scope, table.c.key == encode_key(key))
