"""Reads all of a store again, and compares it with what was said about it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy.exc import DBAPIError

from sequent_sa import Event, Sequent
from sequent_sa.event_store.positions import EventPosition
from sequent_sa.event_store.unique_keys import encode_key
from sequent_sa.tables import aggregate_unique_keys, aggregates, commands, events
from tests.blog import AddPost, Post, PostRecord
from tests.faults.workload import Attempt

K = TypeVar("K")

_MOST_CONNECTIONS = 16  # more than a pool has


def check_store(app: Sequent, journal: Iterable[Attempt] = ()) -> None:
    """What was acknowledged is there once, what was refused is not, and everything agrees with everything.

    Raises `AssertionError` with all that is wrong.
    """
    found = _read_all(app)
    problems = [
        *_numbers(found),
        *_journal(app, found, list(journal)),
        *_rows(app, found),
        *_aggregates(app, found),
        *_integrity(app),
    ]
    assert problems == [], "\n".join(problems)


def check_usable(app: Sequent) -> None:
    """The application goes on: each connection of its pool works, and is given back."""
    for number in range(_MOST_CONNECTIONS):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="usable", title=f"{app.new_uuid()} {number}"))
    assert app.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # that of a QueuePool


def _read_all(app: Sequent) -> list[Event]:
    found: list[Event] = []
    position: EventPosition | None = None
    while True:
        batch = app.event_log.read_all(position, limit=50)
        if not batch.events:
            return found
        found += batch.events
        position = batch.position


def _numbers(found: Sequence[Event]) -> list[str]:
    numbers: dict[object, list[int]] = {}
    for event in found:
        numbers.setdefault(event.aggregate_id, []).append(event.sequence_number)
    return [f"{id_} has the events {seen}" for id_, seen in numbers.items() if seen != list(range(1, len(seen) + 1))]


def _journal(app: Sequent, found: Sequence[Event], journal: Sequence[Attempt]) -> list[str]:
    with app.engine.connect() as connection:
        stored = connection.scalars(select(cast(commands.c.command_json, Text))).all()
    said = Counter(mark for each in stored for mark in _marks(json.dumps(json.loads(each), ensure_ascii=False)))
    happened = Counter(mark for event in found for mark in _marks(str(event.to_dict())))
    problems = [
        f"{mark} is in {number} events" for mark, number in happened.items() if number != said[mark] or number > 1
    ]
    for attempt in journal:
        number = said[attempt.mark]
        allowed = {"acknowledged": {1}, "refused": {0}, "unknown": {0, 1}}[attempt.outcome]
        if number not in allowed or happened[attempt.mark] != number:
            problems.append(f"{attempt} is there {number} times, in {happened[attempt.mark]} events")
    return problems


def _marks(text_: str) -> set[str]:
    return {f"<{part.partition('>')[0]}>" for part in text_.split("<")[1:]}


def _rows(app: Sequent, found: Sequence[Event]) -> list[str]:
    with app.engine.connect() as connection:
        numbers = {
            "events": connection.scalar(select(func.count()).select_from(events)),
            "commands without events": connection.scalar(
                select(func.count()).where(commands.c.id.not_in(select(events.c.command_id)))
            ),
            "aggregates": connection.scalar(select(func.count()).select_from(aggregates)),
        }
    expected = {
        "events": len(found),
        "commands without events": 0,
        "aggregates": len({event.aggregate_id for event in found}),
    }
    return [
        f"{what}: {expected[what]} expected, {numbers[what]} stored"
        for what in expected
        if expected[what] != numbers[what]
    ]


def _aggregates(app: Sequent, found: Sequence[Event]) -> list[str]:
    ids = sorted({event.aggregate_id for event in found})
    posts = {post.aggregate_id: post for post in app.repository.load_aggregates(ids, Post)}
    with app.session() as session:
        records = {
            each.aggregate_id: (each.author, each.title, each.comments) for each in session.scalars(select(PostRecord))
        }
        keys = {
            (id_, scope): json.loads(key)
            for id_, scope, key in session.execute(
                select(
                    aggregate_unique_keys.c.aggregate_id,
                    aggregate_unique_keys.c.scope,
                    cast(aggregate_unique_keys.c.key, Text),
                )
            )
        }
    shown = {id_: (post.author, post.title, len(post.comments)) for id_, post in posts.items()}
    held = {
        (id_, scope): json.loads(encode_key(key))
        for id_, post in posts.items()
        for scope, key in post.unique_keys().items()
    }
    problems = [
        f"{id_}: the record is {records.get(id_)}, the aggregate {shown.get(id_)}" for id_ in _differing(records, shown)
    ]
    return problems + [
        f"{key}: the key is {keys.get(key)}, the aggregate's {held.get(key)}" for key in _differing(keys, held)
    ]


def _differing(one: Mapping[K, object], other: Mapping[K, object]) -> list[K]:
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


def _integrity(app: Sequent) -> list[str]:
    return _integrity_on_sqlite(app) if app.dialect.name == "sqlite" else _integrity_on_postgresql(app)


def _integrity_on_sqlite(app: Sequent) -> list[str]:
    with app.engine.connect() as connection:
        found = [str(row) for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
        return found + [str(row) for row in connection.execute(text("PRAGMA foreign_key_check"))]


def _integrity_on_postgresql(app: Sequent) -> list[str]:
    with app.engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog"))
        try:
            for index in connection.scalars(_OURS, {"kind": "i"}).all():
                connection.execute(text("SELECT bt_index_parent_check(:index, true, true)"), {"index": index})
        except DBAPIError as error:
            return [str(error.orig)]
        return [
            str(row)
            for table in connection.scalars(_OURS, {"kind": "r"}).all()
            for row in connection.execute(text("SELECT * FROM verify_heapam(:table)"), {"table": table})
        ]


_OURS = text("""
    SELECT c.oid FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_am a ON a.oid = c.relam
    WHERE n.nspname IN ('sequent_schema', 'view_schema') AND c.relkind = :kind AND a.amname IN ('btree', 'heap')
""")
