"""`sequent snapshots`, on real databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from sequent_sa import Sequent
from tests.databases import Database
from tests.integration.command_line import LEDGER, CommandLine
from tests.integration.test_snapshots import opened, taken
from tests.ledger import Break, new_app

Run = Callable[[str], tuple[int, str]]


@pytest.fixture
def app(migrated_database: Database) -> Iterator[Sequent]:
    """The ledger, without projectors, on a store that was made by migrations."""
    app = new_app(migrated_database.url)
    yield app
    app.engine.dispose()


@pytest.fixture
def sequent_command(app: Sequent, migrated_database: Database, command_line: CommandLine) -> Run:
    """Runs `sequent snapshots ...`; the exit status, and what it printed."""

    def run(command: str) -> tuple[int, str]:
        done = command_line(f"snapshots {command}", app=LEDGER, url=migrated_database.url)
        return done.status, "\n".join(done.lines())

    return run


def test_snapshots_are_taken(app: Sequent, sequent_command: Run) -> None:
    """As many as are asked for; when nothing is to be done that is no error."""
    for _ in range(3):
        opened(app, "a", "b")
    assert (0, "took 2 snapshots") == sequent_command("take 2")
    assert (0, "took 1 snapshots") == sequent_command("take 2")
    assert (0, "took 0 snapshots") == sequent_command("take 2 --forgotten-after 0")
    assert [(1, 4)] * 3 == taken(app)


def test_what_cannot_have_one_is_listed(app: Sequent, sequent_command: Run) -> None:
    """One line for each, and the exit status says that something is wrong."""
    aggregate_id = opened(app, "a", "b")
    app.execute_commands(Break(aggregate_id=aggregate_id))
    status, printed = sequent_command("take 10")
    assert 1 == status
    assert "took 0 snapshots" == printed.splitlines()[0]
    assert any(line.startswith(f"{aggregate_id}: Account.broken cannot be part of a") for line in printed.splitlines())


def test_a_snapshot_of_one_aggregate_is_taken(app: Sequent, sequent_command: Run) -> None:
    """Whether it needs one or not; an id that is not known, or none, is an error of one line."""
    aggregate_id = opened(app)
    assert (0, f"Account {aggregate_id}: the state after event 1") == sequent_command(f"take-one {aggregate_id}")
    assert (1, f"Error: no aggregate is stored with id {UUID(int=1)}") == sequent_command(f"take-one {UUID(int=1)}")
    status, printed = sequent_command("take-one Account")
    assert 2 == status
    assert "'Account' is not a valid UUID" in printed


def test_snapshots_are_removed(app: Sequent, sequent_command: Run, migrated_database: Database) -> None:
    """All of them, or those that no class reads any more."""
    aggregate_id = opened(app, "a", "b")
    app.snapshots.take_one(aggregate_id)
    later = new_app(migrated_database.url, "version_2")
    later.snapshots.take_one(aggregate_id)
    later.engine.dispose()
    assert (0, "removed the snapshots of unknown versions of 1 aggregates") == sequent_command("delete-unknown")
    assert [(1, 4)] == taken(app)
    assert (0, "removed 1 snapshots") == sequent_command("delete-all")
    assert [] == taken(app)


def test_a_limit_is_needed(sequent_command: Run) -> None:
    """A number of 1 or more."""
    assert [2, 2, 2] == [sequent_command(command)[0] for command in ("take", "take 0", "take many")]
