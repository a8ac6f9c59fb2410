"""The pytest plugin, as the tests of an application use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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

class Handler(CommandHandler):
    @on(Open)
    def open(self, command: Open) -> None:
        self.repository.add_aggregate(Account(command))

class Reopen(Workflow):
    @on(Opened)
    def again(self, event: Opened) -> None:
        self.execute_commands(Open(aggregate_id=event.aggregate_id))

app = Sequent("sqlite://", packages=["bank"])
"""
_TESTS = """
from datetime import UTC, datetime
from uuid import uuid4

from bank import Open, Opened

def test_good(sequent, sequent_workflow):
    sequent.freeze_time(datetime(2026, 1, 1, tzinfo=UTC))
    sequent.when_command(Open(aggregate_id=uuid4()))
    sequent.then_events(Opened)
    sequent_workflow.when_event(sequent.stream(uuid4()).add(Opened))
    sequent_workflow.then_commands(Open)

def test_the_clock_goes_on(sequent):
    sequent.when_command(Open(aggregate_id=uuid4()))
    assert sequent.stored_events[0].created_at > datetime(2026, 1, 2, tzinfo=UTC)

def test_forgets_events(sequent):
    sequent.when_command(Open(aggregate_id=uuid4()))

def test_forgets_commands(sequent_workflow):
    sequent_workflow.when_event(Opened(uuid4(), 1))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bank.py").write_text(_APPLICATION)
    (tmp_path / "test_bank.py").write_text(_TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.sequent]\napp = "bank:app"\n')
    return tmp_path


def run_pytest(project: Path) -> str:
    """What pytest prints in a project."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout


def test_forgetting_what_comes_then_is_an_error_of_the_test(project: Path) -> None:
    """The fixtures find the application; a test that looks at nothing does not pass; the clock is not left stopped."""
    printed = run_pytest(project)
    assert "PASSED test_bank.py::test_good" in printed
    assert "PASSED test_bank.py::test_the_clock_goes_on" in printed
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
