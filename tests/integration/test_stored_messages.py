"""Messages as a database keeps them: what is read is what was said, and rows stay as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Secret,
    Sequent,
    ValueObject,
    attr,
    on,
    tables,
)
from tests.databases import Database
from tests.integration.changed_keeper import ChangedKeeper, LookAtKeeper, LookCommandHandler

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(ValueObject):
    name: str
    parts: list[Part] = []  # noqa: RUF012


class Kept(Event):
    text: str
    number: int = 0
    ratio: float = 0.0
    amount: Decimal = Decimal(0)
    flag: bool = False
    day: date = date(2020, 1, 1)
    moment: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    other: UUID | None = None
    colour: Colour = Colour.RED
    choice: Literal["a", 1] = "a"
    secret: Secret | None = None
    part: Part | None = attr(default=None, data_key="The part")
    parts: dict[str, list[Part | None]] = {}  # noqa: RUF012


class Keeper(AggregateRoot):
    def keep(self, attributes: list[dict[str, Any]]) -> None:
        """Apply events with these attributes."""
        for each in attributes:
            self.apply(Kept, **each)


class Keep(Command):
    pass


class KeepCommandHandler(CommandHandler):
    attributes: list[dict[str, Any]] = []  # noqa: RUF012 - what the next command is to apply

    @on(Keep)
    def keep(self, command: Keep) -> None:
        keeper = Keeper(command.aggregate_id)
        keeper.keep(self.attributes)
        self.repository.add_aggregate(keeper)


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = Sequent(database.url, command_handlers=[KeepCommandHandler], environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


def keep(app: Sequent, *attributes: dict[str, Any]) -> UUID:
    """The id of an aggregate with events that have these attributes."""
    KeepCommandHandler.attributes = list(attributes)
    keeper_id = app.new_uuid()
    app.execute_commands(Keep(aggregate_id=keeper_id))
    return keeper_id


def rows_of(app: Sequent, keeper_id: UUID) -> list[Any]:
    """The JSON of the events of an aggregate, as the database has it."""
    events = tables.events
    with app.engine.connect() as connection:
        found = connection.scalars(
            select(events.c.event_json).where(events.c.aggregate_id == keeper_id).order_by(events.c.sequence_number)
        )
        return [json.loads(each) if isinstance(each, str) else each for each in found]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
PARTS = st.builds(Part, name=TEXTS, parts=st.lists(st.builds(Part, name=TEXTS), max_size=2))
ATTRIBUTES = st.fixed_dictionaries(
    {"text": TEXTS},
    optional={
        "number": st.integers() | st.sampled_from([2**63, -(2**64), 10**3999]),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "amount": st.decimals(allow_nan=False, allow_infinity=False),
        "day": st.dates(),
        "moment": st.datetimes(timezones=st.just(UTC)),
        "other": st.uuids() | st.none(),
        "colour": st.sampled_from(Colour),
        "choice": st.sampled_from(["a", 1]),
        "secret": st.just(Secret.from_hash(HASH)) | st.none(),
        "part": PARTS | st.none(),
        "parts": st.dictionaries(TEXTS, st.lists(PARTS | st.none(), max_size=2), max_size=3),
    },
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ATTRIBUTES, min_size=1, max_size=20))
def test_every_value_comes_back_from_the_database(app: Sequent, attributes: list[dict[str, Any]]) -> None:
    """Whatever an event may hold: what PostgreSQL makes of JSON changes none of it, nor does SQLite."""
    keeper_id = keep(app, *attributes)
    expected = [Kept(keeper_id, number, **each) for number, each in enumerate(attributes, 1)]
    assert list(app.event_log.stream_events(keeper_id)) == expected


def test_a_row_holds_an_object_without_what_has_a_column(app: Sequent) -> None:
    """No text with JSON in it; quotes, newlines and names of one's own survive."""
    text = 'She said "\\n"\n\t\u2028 \\u0000 \U0001f600'
    keeper_id = keep(app, {"text": text, "amount": Decimal("1.50"), "part": Part(name="x"), "moment": NOW})
    (row,) = rows_of(app, keeper_id)
    assert {"aggregate_id", "sequence_number", "created_at"}.isdisjoint(row)
    expected = {"text": text, "amount": "1.50", "moment": "2026-01-02T03:04:05Z", "other": None}
    assert {name: row[name] for name in expected} == expected
    assert row["The part"] == {"name": "x", "parts": []}


def test_reading_in_a_new_form_rewrites_nothing(app: Sequent, database: Database) -> None:
    """Upcasters change what is read, at any depth, whatever is loaded and written since."""
    keeper_id = keep(app, {"text": "a b", "part": Part(name="c", parts=[Part(name="d")])})
    before = rows_of(app, keeper_id)
    later = Sequent(database.url, command_handlers=[LookCommandHandler], environment="test")
    later.execute_commands(LookAtKeeper(aggregate_id=keeper_id))
    assert later.repository.load_aggregate(keeper_id, ChangedKeeper).words == ["a", "b", "c", "d", "more"]
    assert rows_of(later, keeper_id)[:1] == before
    later.engine.dispose()
