"""Reserving, moving and freeing unique keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

import msgspec
from sqlalchemy import Uuid, and_, bindparam, delete, not_, or_, select

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import BoundStatement, Dialect, Statement
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import AggregateError
from sequent_sa.tables import aggregate_unique_keys

_KEY = ("scope", "key")


def encode_key(key: Mapping[str, object]) -> str:
    """A key as JSON text, the same for equal keys.

    The order of names does not matter, None is as good as nothing, and numbers are equal when their values are.
    """
    given = {name: _canonical(value) for name, value in key.items() if value is not None}
    return msgspec.json.encode(given, order="deterministic").decode()


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _canonical(inner) for name, inner in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_canonical(inner) for inner in cast("Sequence[object]", value)]
    return value


def is_storable(key: Mapping[str, object]) -> bool:
    """Whether a database can hold a key: JSON on PostgreSQL has no NUL."""
    return "\\u0000" not in encode_key(key).replace("\\\\", "")


def take_key(dialect: Dialect) -> Statement:
    """The statement that takes a key for an aggregate, unless it has it already."""
    table = aggregate_unique_keys
    values = {column.name: bindparam(column.name, type_=column.type) for column in table.columns}
    return Statement(
        dialect.insert(table).values(**values).on_conflict_do_nothing(index_elements=["aggregate_id", "scope"])
    )


def unique_key_writes(take: Statement, streams: Sequence[EventStream]) -> Iterator[Write]:
    """Make the stored keys of these aggregates those that they have now.

    All keys that are given up are freed before any is taken, so that aggregates can move and swap keys; taking
    goes in the order of scope and key, so that concurrent transactions cannot deadlock.
    """
    declaring = [stream for stream in streams if stream.unique_keys is not None]
    wanted: list[tuple[str, str, EventStream]] = []
    for stream in declaring:
        keys = [(scope, _storable(stream, scope, key)) for scope, key in (stream.unique_keys or {}).items()]
        kept = {
            f"{name}_{number}": value for number, key in enumerate(keys) for name, value in zip(_KEY, key, strict=True)
        }
        yield Write(_free_keys(len(keys)), {"of": stream.aggregate_id, **kept})
        wanted += [(scope, key, stream) for scope, key in keys]
    for scope, key, stream in sorted(wanted, key=lambda item: item[:2]):
        yield Write(
            take,
            {"aggregate_id": stream.aggregate_id, "scope": scope, "key": key},
            conflicts.taking_key(stream, scope),
        )


def _storable(stream: EventStream, scope: str, key: Mapping[str, object]) -> str:
    if not is_storable(key):
        raise AggregateError(
            f"the unique key {scope!r} of {stream.aggregate_type} {stream.aggregate_id} holds a NUL character, "
            "which no database stores: leave it out where the key is computed"
        )
    return encode_key(key)


@cache
def _free_keys(count: int) -> Statement:
    table = aggregate_unique_keys
    kept = [
        and_(*(table.c[name] == bindparam(f"{name}_{number}", type_=table.c[name].type) for name in _KEY))
        for number in range(count)
    ]
    mine = table.c.aggregate_id == bindparam("of", type_=Uuid())
    return Statement(delete(table).where(mine, not_(or_(*kept))) if kept else delete(table).where(mine))


_held = aggregate_unique_keys.c
_FIND = Statement(
    select(_held.aggregate_id).where(*(_held[name] == bindparam(name, type_=_held[name].type) for name in _KEY))
)


def find_by_unique_key(scope: str, key: Mapping[str, object]) -> BoundStatement:
    """The id of the aggregate that holds a key."""
    return BoundStatement(_FIND, {"scope": scope, "key": encode_key(key)})
