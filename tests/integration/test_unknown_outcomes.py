"""An interrupt, or a connection that is lost, between a COMMIT and its answer: hooks never tell what may be wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

import sequent_sa
from sequent_sa import Command, Sequent
from tests.databases import Database
from tests.integration.callers import TellingWorkflow, add, new_app

OURS = str(Path(sequent_sa.__file__).parent)
NOTE = "whether this transaction was committed is not known"
OWN = (
    "Completing._complete",
    "SQLTransaction.commit",
    "SQLTransaction._finish",
    "SQLTransaction._send",
    "SQLiteTransaction.send",
    "SQLiteTransaction._commit",
    "commit",
    "PostgreSQLTransaction.send",
    "PostgreSQLTransaction._fly",
    "PostgreSQLTransaction._go",
    "_land",
    "Flight.go",
)
"""The functions on the way to the commit and back; the first one begins it."""

CALLERS = ("_FollowedTransaction.commit", "CallersTransaction.refused")
"""The same, in a transaction of the caller's."""

Execute = Callable[[Sequent, Command], None]
Line = tuple[str, int]


class Interrupted(BaseException):
    """No `Exception`, as KeyboardInterrupt is none."""


class Tracer:
    """Sees which lines of some functions are executed, once each, and raises at one of them."""

    def __init__(self, functions: Sequence[str], raise_at: Line | None = None) -> None:
        self.lines: list[Line] = []
        self._functions = functions
        self._raise_at = raise_at
        self._began = False

    def run(self, call: Callable[[], object]) -> None:
        """Call something, unseen by the debugger, or the coverage, that watches the test."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            call()
        finally:
            sys.settrace(before)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_qualname
        if not frame.f_code.co_filename.startswith(OURS) or name not in self._functions:
            return None
        self._began = self._began or name == self._functions[0]
        return self._reached if self._began else None

    def _reached(self, frame: FrameType, event: str, argument: Any) -> Any:
        line = (frame.f_code.co_qualname, frame.f_lineno)
        if event == "line" and line not in self.lines:
            self.lines.append(line)
            if line == self._raise_at:
                raise Interrupted(line)
        return self._reached


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = new_app(create_engine(database.url, pool_size=1, max_overflow=0, pool_timeout=30))
    yield app
    app.engine.dispose()


def in_its_own(app: Sequent, command: Command) -> None:
    """Execute a command in a transaction of its own."""
    app.execute_commands(command)


def in_the_callers(app: Sequent, command: Command) -> None:
    """Execute a command in a transaction of the caller's."""
    with app.session() as session:
        app.execute_commands(command, session=session)
        session.commit()


def in_the_callers_who_insists(app: Sequent, command: Command) -> None:
    """The same, with a commit again when the first one failed, which SQLAlchemy refuses."""
    with app.session() as session:
        app.execute_commands(command, session=session)
        try:
            session.commit()
        except Interrupted:
            with suppress(SQLAlchemyError):
                session.commit()
            raise


@pytest.mark.parametrize(
    ("execute", "functions"),
    [(in_its_own, OWN), (in_the_callers, CALLERS)],
    ids=["own", "the caller's"],
)
def test_hooks_tell_nothing_that_may_be_wrong(app: Sequent, execute: Execute, functions: Sequence[str]) -> None:
    """At whatever line on the way to the commit an interrupt comes: hooks that ran are right, or it says what to do."""
    execute(app, add(app, "the first"))
    watching = Tracer(functions)
    watching.run(partial(execute, app, add(app, "the second")))
    found: dict[tuple[tuple[str, ...], bool, bool | None], Line] = {}
    for number, line in enumerate(watching.lines):
        TellingWorkflow.told.clear()
        command = add(app, f"interrupted {number}")
        with pytest.raises(Interrupted) as caught:
            Tracer(functions, line).run(partial(execute, app, command))
        asked = any(NOTE in note for note in getattr(caught.value, "__notes__", []))
        # Where it is not known, the server may still be at it.
        stored = None if asked else app.repository.find_aggregate(command.aggregate_id) is not None
        found[tuple(TellingWorkflow.told), asked, stored] = line
    rolled_back, unknown, committed = (("added rolled back",), False, False), ((), True, None), ((), False, True)
    assert {rolled_back, unknown, committed} == found.keys()


def test_hooks_tell_nothing_that_may_be_wrong_to_who_commits_again(app: Sequent) -> None:
    """The second commit works if the first one was not begun; else SQLAlchemy refuses it, and no hook runs."""
    watching = Tracer(CALLERS)
    watching.run(partial(in_the_callers_who_insists, app, add(app)))
    told: set[tuple[tuple[str, ...], bool]] = set()
    for number, line in enumerate(watching.lines):
        TellingWorkflow.told.clear()
        command = add(app, f"interrupted {number}")
        with pytest.raises(Interrupted):
            Tracer(CALLERS, line).run(partial(in_the_callers_who_insists, app, command))
        told.add((tuple(TellingWorkflow.told), app.repository.find_aggregate(command.aggregate_id) is not None))
    assert {(("added committed",), True), ((), True)} == told
