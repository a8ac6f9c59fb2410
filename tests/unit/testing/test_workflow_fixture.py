"""The `sequent_workflow` fixture: what workflows want to happen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import uuid4

import pytest

from sequent_sa import (
    Command,
    CommandHandler,
    CommandNotValid,
    ConfigurationError,
    Event,
    NotBlank,
    Sequent,
    Workflow,
    on,
)
from sequent_sa.exceptions import PublishEventError
from sequent_sa.matchers import has_attrs
from sequent_sa.testing import StreamBuilder, WorkflowFixture


class Signed(Event):
    name: str


class Confirmed(Event):
    pass


class Welcome(Command):
    name: Annotated[str, NotBlank()]


class Count(Command):
    pass


GREETING = Welcome(aggregate_id=uuid4(), name="Ben")


class WelcomeWorkflow(Workflow):
    @on(Signed)
    def welcome(self, event: Signed) -> None:
        self.execute_commands(Welcome(aggregate_id=event.aggregate_id, name=event.name))

    @on(Confirmed)
    def later(self, event: Confirmed) -> None:
        self.after_commit(lambda: self.execute_commands(Count(aggregate_id=event.aggregate_id)))
        self.execute_commands(Welcome(aggregate_id=event.aggregate_id, name="again"))


class CountWorkflow(Workflow):
    failures: ClassVar[list[str]] = []

    @on(Signed)
    def count(self, event: Signed) -> None:
        if event.name in self.failures:
            raise RuntimeError(event.name)
        self.execute_commands(Count(aggregate_id=event.aggregate_id))


class OtherWorkflow(Workflow):
    pass


class WelcomeHandler(CommandHandler):
    @on(Welcome)
    def welcome(self) -> None:
        raise AssertionError("the fixture executes nothing")


@pytest.fixture
def workflows() -> WorkflowFixture:
    app = Sequent("sqlite://", command_handlers=[WelcomeHandler], workflows=[WelcomeWorkflow, CountWorkflow])
    return WorkflowFixture(app)


def test_commands_are_kept_and_not_executed(workflows: WorkflowFixture) -> None:
    """They are compared by class, by value and by matcher, in the order in which they were wanted."""
    id_ = uuid4()
    workflows.when_event(Signed(id_, 1, name="Ben"))
    workflows.then_commands(Welcome, Count)
    workflows.then_commands(Welcome(aggregate_id=id_, name="Ben"), Count(aggregate_id=id_))
    workflows.then_commands(has_attrs(Welcome, name="Ben"), Count)
    assert [type(command) for command in workflows.executed_commands] == [Welcome, Count]


def test_hooks_run_at_the_end(workflows: WorkflowFixture) -> None:
    """What is wanted after the commit comes behind what is wanted in the transaction."""
    workflows.when_event(Confirmed(uuid4(), 1))
    workflows.then_commands(has_attrs(Welcome, name="again"), Count)


def test_only_some_workflows_are_asked(workflows: WorkflowFixture) -> None:
    """A test may leave the others out; one that the application does not have is a mistake."""
    workflows.only(CountWorkflow)
    workflows.when_event(StreamBuilder(uuid4()).add(Signed, name="Ben").add(Confirmed))
    workflows.then_commands(Count)
    with pytest.raises(ConfigurationError, match="OtherWorkflow is no workflow of this application; it has Count"):
        workflows.only(OtherWorkflow)


def test_commands_must_be_valid(workflows: WorkflowFixture) -> None:
    """A command that would be refused is refused here as well."""
    with pytest.raises(PublishEventError) as failed:
        workflows.when_event(Signed(uuid4(), 1, name=" "))
    assert isinstance(failed.value.__cause__, CommandNotValid)


def test_a_workflow_that_fails_is_named(workflows: WorkflowFixture) -> None:
    """As in production; nothing that it wanted before is left."""
    CountWorkflow.failures.append("bad")
    with pytest.raises(PublishEventError, match="CountWorkflow failed on Signed"):
        workflows.when_event(Signed(uuid4(), 1, name="bad"))
    workflows.finish()


@pytest.mark.parametrize(
    "nothing",
    [None, [None], Signed, Welcome(aggregate_id=uuid4(), name="Ben")],
    ids=["None", "list", "class", "command"],
)
def test_what_is_no_event_is_refused(workflows: WorkflowFixture, nothing: Any) -> None:
    """Before any workflow gets anything, and not as a failure of one."""
    with pytest.raises(TypeError, match="an event is needed"):
        workflows.when_event(Signed(uuid4(), 1, name="Ben"), nothing)
    assert [] == workflows.executed_commands


def test_the_first_difference_is_shown(workflows: WorkflowFixture) -> None:
    """The message names the command by its place, the attribute, and both values."""
    id_ = uuid4()
    workflows.when_event(Signed(id_, 1, name="Ben"))
    with pytest.raises(AssertionError, match="command 1 of 2: Welcome differs\n  name: expected 'Kim', got 'Ben'"):
        workflows.then_commands(Welcome(aggregate_id=id_, name="Kim"), Count)
    with pytest.raises(AssertionError, match="expected 1 command, got 2"):
        workflows.then_commands(Welcome)
    with pytest.raises(AssertionError, match="expected 0 commands, got 2"):
        workflows.then_no_commands()


def test_forgetting_what_comes_then_fails(workflows: WorkflowFixture) -> None:
    """A test that looks at nothing is no test."""
    workflows.when_event(Signed(uuid4(), 1, name="Ben"))
    with pytest.raises(AssertionError, match="does not look at what workflows want executed on Signed"):
        workflows.finish()
    workflows.then_commands(Welcome, Count)
    workflows.finish()


def test_time_can_be_frozen(workflows: WorkflowFixture) -> None:
    """Commands have the moment at which the clock was stopped."""
    moment = datetime(2026, 2, 3, tzinfo=UTC)
    workflows.freeze_time(moment)
    workflows.when_event(Signed(uuid4(), 1, name="Ben"))
    assert {command.created_at for command in workflows.executed_commands} == {moment}
