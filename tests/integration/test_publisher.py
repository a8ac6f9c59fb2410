"""Which handlers get which events, in which order, and what happens when one fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Projector,
    PublishEventError,
    Sequent,
    Workflow,
    on,
)
from sequent_sa.exceptions import ProjectorIsActivating
from sequent_sa.execution.middleware import Request
from sequent_sa.tables import command_records, events
from sequent_sa.testing.stage import Stage
from sequent_sa.unit_of_work.event_publisher import EventPublisher
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork
from tests.databases import Database


class Play(Command):
    words: list[str]


class Answer(Command):
    word: str


class Said(Event):
    word: str


class Voice(AggregateRoot):
    def __init__(self, command: Play) -> None:
        super().__init__(command.aggregate_id)
        self.say(*command.words)

    def say(self, *words: str) -> None:
        for word in words:
            self.apply(Said, word=word)


class VoiceHandler(CommandHandler):
    @on(Play)
    def play(self, command: Play) -> None:
        self.repository.add_aggregate(Voice(command))

    @on(Answer)
    def answer(self, command: Answer) -> None:
        self.aggregate(command, Voice).say(command.word)


class Listening:
    """What was heard, by whom."""

    heard: ClassVar[list[str]] = []

    def hear(self, event: Said) -> None:
        self.heard.append(f"{type(self).__name__[0]}{event.sequence_number} {event.word}")


class Ada(Projector, Listening, manages_tables=None):
    @on(Said)
    def said(self, event: Said) -> None:
        self.hear(event)
        if event.word == "migrate":
            raise ProjectorIsActivating("Ada")
        if event.word == "fail":
            raise RuntimeError("no such word")


class Ben(Projector, Listening, manages_tables=None):
    @on(Said)
    def said(self, event: Said) -> None:
        self.hear(event)


class Walter(Workflow, Listening):
    """Has a voice answer, the same or another one."""

    other: ClassVar[UUID | None] = None

    @on(Said)
    def said(self, event: Said) -> None:
        self.hear(event)
        if event.word.endswith("?"):
            self.execute_commands(Answer(aggregate_id=event.aggregate_id, word="yes"))
        if event.word == "to the other" and self.other is not None:
            self.execute_commands(Answer(aggregate_id=self.other, word="back?"))


def ask(request: Request) -> None:
    """A filter, which says when a command begins."""
    Listening.heard.append(type(request).__name__)


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """Two projectors with a workflow between them."""
    app = Sequent(
        database.url,
        command_handlers=[VoiceHandler],
        projectors=[Ben, Ada],
        workflows=[Walter],
        filters=[ask],
        environment="test",
    )
    app.create_all()
    Listening.heard.clear()
    yield app
    app.engine.dispose()


def play(app: Sequent, *words: str) -> UUID:
    """Let a new voice say words."""
    id_ = app.new_uuid()
    app.execute_commands(Play(aggregate_id=id_, words=list(words)))
    return id_


def heard() -> Sequence[str]:
    """What was heard since the last time."""
    found = list(Listening.heard)
    Listening.heard.clear()
    return found


def test_each_event_goes_to_all_handlers_before_the_next(app: Sequent) -> None:
    """In the order in which the handlers are configured, projectors first; and before the next command begins."""
    app.execute_commands(
        Play(aggregate_id=app.new_uuid(), words=["one", "two"]), Play(aggregate_id=app.new_uuid(), words=["three"])
    )
    one, two, three = (["B1 one", "A1 one", "W1 one"], ["B2 two", "A2 two", "W2 two"], ["B1 three", "A1 three"])
    assert ["Play", *one, *two, "Play", *three, "W1 three"] == heard()


def test_events_of_a_command_that_follows_come_after_those_that_wait(app: Sequent) -> None:
    """The answer to the first word is heard when the second was."""
    play(app, "well?", "hm")
    assert ["B1 well?", "B2 hm", "B3 yes"] == [each for each in heard() if each.startswith("B")]


def test_events_of_two_aggregates_that_answer_each_other_stay_in_order(app: Sequent) -> None:
    """Every handler hears the events of each aggregate by their numbers; each answer is caused by what it answers."""
    Walter.other = play(app, "here")
    heard()
    asking = play(app, "to the other", "still me")
    assert ["B1 to the other", "B2 still me", "B2 back?", "B3 yes"] == [each for each in heard() if each[0] == "B"]
    cause = command_records.c.event_aggregate_id, command_records.c.event_sequence_number
    with app.session() as session:
        causes = session.execute(select(*cause).order_by(command_records.c.id)).all()
    assert [(None, None), (None, None), (asking, 1), (Walter.other, 2)] == causes


def test_an_error_names_handler_and_event_and_stops_everything(app: Sequent) -> None:
    """Handlers behind it and later events get nothing, nothing is stored, and nothing of it comes with the next."""
    with pytest.raises(
        PublishEventError, match=r"Ada failed on Said \(event 2 of .* RuntimeError: no such word"
    ) as caught:
        play(app, "one", "fail", "never")
    assert caught.value.handler is Ada
    assert isinstance(caught.value.event, Said)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert ["Play", "B1 one", "A1 one", "W1 one", "B2 fail", "A2 fail"] == heard()
    with app.session() as session:
        assert session.scalar(select(func.count()).select_from(events)) == 0
    play(app, "next")
    assert ["Play", "B1 next", "A1 next", "W1 next"] == heard()


def test_what_is_no_event_is_refused_before_anybody_hears_anything(publisher: EventPublisher) -> None:
    """It is a mistake of whoever publishes, so it is not taken for one of a handler."""
    nothing: Any = None
    with pytest.raises(TypeError, match="an event is needed, not NoneType"):
        publisher.publish([Said(uuid4(), 1, word="one"), nothing])
    assert [] == heard()


def test_what_is_published_meanwhile_comes_behind_what_waits(publisher: EventPublisher) -> None:
    """In order; and nothing that waited behind an error comes with the next."""
    id_ = uuid4()
    publisher.publish([Said(id_, 1, word="echo"), Said(id_, 2, word="two")])
    assert ["E1 echo", "E2 two", "E3 more", "E4 more"] == heard()
    with pytest.raises(PublishEventError):
        publisher.publish([Said(id_, 3, word="fail"), Said(id_, 4, word="never")])
    publisher.publish([Said(id_, 3, word="next")])
    assert ["E3 fail", "E3 next"] == heard()


@pytest.fixture
def publisher() -> Iterator[EventPublisher]:
    """One with a handler that publishes, or fails, in a unit of work without a database."""
    heard()
    units = UnitsOfWork(Stage.in_memory(Sequent("sqlite://")).begin)

    class Echo(Workflow, Listening):
        @on(Said)
        def said(self, event: Said) -> None:
            self.hear(event)
            if event.word == "echo":
                made.publish([Said(event.aggregate_id, number, word="more") for number in (3, 4)])
            if event.word == "fail":
                raise RuntimeError("no such word")

    made = EventPublisher(units, lambda unit: [Echo()])
    with units.open():
        yield made


def test_what_is_wrong_with_the_versions_of_projectors_is_not_wrapped(app: Sequent) -> None:
    """Whoever sees it need not look for the cause."""
    with pytest.raises(ProjectorIsActivating, match="Ada is being activated"):
        play(app, "migrate")


def test_the_states_are_read_once_in_a_transaction(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """However many commands and events there are in it; and they are held before anything is written."""
    with caplog.at_level(logging.DEBUG, "sequent_sa.dialects"), app.unit_of_work():
        play(app, "one", "two?")
        play(app, "three")
    states = [message for message in caplog.messages if "FROM" in message and "projector_states" in message]
    held = ["CAST(CASE" in message for message in states]
    assert ([False, True] if app.dialect.name == "postgresql" else [False]) == held
    written = [message for message in caplog.messages if "INSERT" in message]
    assert caplog.messages.index(states[-1]) < caplog.messages.index(written[0])
