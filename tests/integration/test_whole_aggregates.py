"""How a replay reads very many events: aggregate by aggregate, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from uuid import UUID

import pytest

from sequent_sa import AggregateRoot, Command, CommandHandler, Event, Sequent, on
from tests.databases import Database

TEXTS = ("", "\\N", "\\\\", "tab\tand\nline\r", "née 'q' \"d\"", "\\u0041", "漢字 🙂", "{a,b}", "\u2028\x01")


class Say(Command):
    times: int


class Said(Event):
    text: str


class Speaker(AggregateRoot):
    def say(self, times: int) -> None:
        for number in range(times):
            self.apply(Said, text=TEXTS[number % len(TEXTS)])


class SpeakerCommandHandler(CommandHandler):
    @on(Say)
    def say(self, command: Say) -> None:
        speaker = Speaker(command.aggregate_id)
        speaker.say(command.times)
        self.repository.add_aggregate(speaker)


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """An application with a command handler."""
    app = Sequent(database.url, command_handlers=[SpeakerCommandHandler], environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


def test_events_are_read_as_they_were_stored(app: Sequent) -> None:
    """Each with its text and moment, in order, also of an aggregate that needs several lines; never all at once."""
    sizes = {UUID(int=1): 250, UUID(int=2): 1, UUID(int=3): 1_900, UUID(int=4): 100}
    for aggregate_id, times in sizes.items():
        app.execute_commands(Say(aggregate_id=aggregate_id, times=times))
    with app.engine.begin() as connection:
        # One command made each aggregate, so that both orders are the same.
        expected = [event for _, event in app.event_reader.events(connection, ["Said"])]
        portions = list(app.event_reader.whole_aggregates(connection, ["Said"], None, []))
    found = [event for portion in portions for event in portion]
    assert expected == found
    assert [(event.created_at, event.created_at.tzinfo) for event in expected] == [
        (event.created_at, UTC) for event in found
    ]
    assert sum(sizes.values()) == len(found)
    assert 1_100 >= max(map(len, portions))
    with app.engine.begin() as connection:
        assert [] == [each for some in app.event_reader.whole_aggregates(connection, [], None, []) for each in some]
