"""Writes a small event store directly, as tests of the schema need it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, insert

from sequent_sa import tables

POST = UUID("11111111-2222-3333-4444-555555555555")
AUTHOR = UUID("99999999-2222-3333-4444-555555555555")
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def store_post(connection: Connection) -> None:
    """One command, one aggregate, and its first event."""
    connection.execute(insert(tables.command_types).values(id=1, type="AddPost"))
    connection.execute(insert(tables.aggregate_types).values(id=1, type="Post"))
    connection.execute(insert(tables.event_types).values(id=1, type="PostAdded"))
    command = {"id": 1, "created_at": MOMENT, "user_id": AUTHOR, "aggregate_id": POST, "command_type_id": 1}
    connection.execute(insert(tables.commands), {**command, "command_json": '{"title": "Hi"}'})
    connection.execute(insert(tables.aggregates).values(aggregate_id=POST, aggregate_type_id=1, created_at=MOMENT))
    add_event(connection, 1, '{"title": "Hi", "subtitle": null}')


def add_event(connection: Connection, sequence_number: int, event_json: str = "{}") -> None:
    """One more event of the post."""
    connection.execute(
        insert(tables.events).values(
            aggregate_id=POST,
            partition_key="",
            sequence_number=sequence_number,
            created_at=MOMENT,
            command_id=1,
            event_type_id=1,
            event_json=event_json,
        )
    )
