"""Who changes several aggregates writes them in one order, whatever the order in which they were touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from sequent_sa import Sequent
from sequent_sa.aggregates.applied_event import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.event_store.append import StreamWithEvents
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.write import Write
from sequent_sa.messages.codec import encode_event
from tests.blog import AddPost, PostAdded, PostTitleChanged

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
NEW = [UUID(int=number) for number in (4, 1)]
KNOWN = [UUID(int=number) for number in (3, 2)]


class Written:
    """Stands for a transaction, and keeps what is written."""

    def __init__(self) -> None:
        self.all: list[tuple[object, object]] = []

    def write(self, write: Write) -> None:
        """Keep a statement and its parameters."""
        self.all.append((write.statement, write.parameters))

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Never commits."""


def stream(aggregate_id: UUID) -> StreamWithEvents:
    event = (
        PostAdded(aggregate_id, 1, MOMENT, author="ben")
        if aggregate_id in NEW
        else PostTitleChanged(aggregate_id, 3, MOMENT, title=str(aggregate_id))
    )
    described = EventStream("Post", aggregate_id, unique_keys={"post_title": {"title": str(aggregate_id)}})
    return described, [AppliedEvent(event, encode_event(event))]


def test_it_is_the_order_of_ids(app: Sequent) -> None:
    """So that two who touch the same aggregates wait for each other, and cannot do so in a circle."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))  # types are known then
    command = AddPost(aggregate_id=NEW[0], author="ben", title="Ho")
    there, back = Written(), Written()
    streams = [stream(aggregate_id) for aggregate_id in (*NEW, *KNOWN)]
    app.event_store.append(cast(Transaction, there), command, streams)
    app.event_store.append(cast(Transaction, back), command, streams[::-1])
    assert there.all == back.all
    assert len(there.all) > len(streams)
