"""The pytest plugin, as the tests of an application use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from sequent_sa import Sequent
from sequent_sa.tables import events
from tests.blog import AddPost, PostRecord, new_app
from tests.databases import Database

_APPLICATION = """
from sequent_sa import AggregateRoot, Command, CommandHandler, Event, Sequent, Workflow, on

class Open(Command):
    pass

class Opened(Event):
    pass

class Account(AggregateRoot):
    def __init__(self, command: Open) -> None:
        super().__init__(command.aggregate_id)
        self.apply(Opened)

    @on(Opened)
    def _opened(self, event: Opened) -> None:
        self.is_open = True

class Handler(CommandHandler):
    @on(Open)
    def open(self, command: Open) -> None:
        self.repository.add_aggregate(Account(command))

class Reopen(Workflow):
    @on(Opened)
    def again(self, event: Opened) -> None:
        self.execute_commands(Open(aggregate_id=event.aggregate_id))

class Ask(Workflow):
    asked = []

    @on(Opened)
    def ask(self, event: Opened) -> None:
        with self.connection() as connection:
            self.asked.append(connection.exec_driver_sql("SELECT 1").scalar_one())

app = Sequent("sqlite://", packages=["bank"])
"""
_TESTS = """
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from bank import Ask, Open, Opened, Reopen
from sequent_sa import OptimisticLockingError

def test_good(sequent, sequent_workflow):
    sequent.when_command(Open(aggregate_id=uuid4()))
    sequent.then_events(Opened)
    sequent_workflow.only(Reopen)
    sequent_workflow.when_event(sequent.stream(uuid4()).add(Opened))
    sequent_workflow.then_commands(Open)

def test_history(sequent, sequent_projector):
    sequent.freeze_time(datetime(2026, 1, 1, tzinfo=UTC))
    id_ = uuid4()
    sequent.given_events(sequent.stream(id_).add(Opened))
    with pytest.raises(OptimisticLockingError):
        sequent.when_command(Open(aggregate_id=uuid4()), Open(aggregate_id=id_))
    sequent.then_no_events()
    sequent.when_command(Open(aggregate_id=uuid4()))
    sequent.then_events(Opened)
    assert sequent.repository.contains_aggregate(id_)

def test_the_clock_goes_on(sequent):
    sequent.when_command(Open(aggregate_id=uuid4()))
    assert sequent.stored_events[0].created_at > datetime(2026, 1, 2, tzinfo=UTC)

def test_sql(sequent_workflow):
    sequent_workflow.only(Ask)
    sequent_workflow.when_event(Opened(uuid4(), 1))
    sequent_workflow.then_no_commands()
    assert Ask.asked == [1]

def test_forgets_events(sequent):
    sequent.when_command(Open(aggregate_id=uuid4()))

def test_forgets_commands(sequent_workflow):
    sequent_workflow.only(Reopen)
    sequent_workflow.when_event(Opened(uuid4(), 1))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bank.py").write_text(_APPLICATION)
    (tmp_path / "test_bank.py").write_text(_TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.sequent]\napp = "bank:app"\ndatabases.test = "sqlite:///t.db"\n')
    return tmp_path


def run_pytest(project: Path, *options: str) -> str:
    """What pytest prints in a project."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", *options]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout


def test_forgetting_what_comes_then_is_an_error_of_the_test(project: Path) -> None:
    """The fixtures find the application; a test that looks at nothing does not pass; the clock is not left stopped."""
    printed = run_pytest(project)
    assert "PASSED test_bank.py::test_good" in printed
    assert "PASSED test_bank.py::test_the_clock_goes_on" in printed
    assert "PASSED test_bank.py::test_history" in printed
    assert "this test runs without a database" in printed
    assert "FAILED test_bank.py::test_sql" in printed
    assert "ERROR test_bank.py::test_forgets_events" in printed
    assert "the test does not look at what Open stored: add then_events(...)" in printed
    assert "ERROR test_bank.py::test_forgets_commands" in printed
    assert "the test does not look at what workflows want executed on Opened" in printed


def test_a_project_that_names_no_application_is_told_how(project: Path) -> None:
    """The error says what to write where."""
    (project / "pyproject.toml").write_text("[tool.sequent]\n")
    printed = run_pytest(project)
    assert "ConfigurationError" in printed
    assert "[tool.sequent]" in printed


def test_the_same_tests_run_on_a_database(project: Path, database: Database) -> None:
    """With the same results, and nothing of them stays; what needs a database has one."""
    printed = run_pytest(project, f"--sequent-database={database.url}")
    for name in ("good", "the_clock_goes_on", "history", "sql", "forgets_events", "forgets_commands"):
        assert f"PASSED test_bank.py::test_{name}" in printed, printed
    assert "ERROR test_bank.py::test_forgets_events" in printed
    assert "ERROR test_bank.py::test_forgets_commands" in printed
    assert "6 passed, 2 errors" in printed
    app = new_app(database.url)
    with app.session() as session:
        assert [] == session.scalars(select(events.c.aggregate_id)).all()
    app.engine.dispose()


def test_a_database_that_holds_events_is_left_alone(project: Path, app: Sequent, database: Database) -> None:
    """Its view tables would be dropped."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    printed = run_pytest(project, f"--sequent-database={database.url}")
    assert "holds events, so that it is no database for tests" in printed
    assert "passed" not in printed.splitlines()[-1]
    with app.session() as session:
        assert ["Hi"] == session.scalars(select(PostRecord.title)).all()
