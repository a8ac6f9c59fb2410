"""A replay whose processes are killed at any moment, while others write, has every row in the end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sequent_sa import Sequent
from sequent_sa.replay.drift import Difference, verify
from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import status
from sequent_sa.tables import aggregates
from tests.blog import PostRecord
from tests.databases import Database
from tests.integration.command_line import CommandLine
from tests.integration.test_concurrency import ADD_POSTS, ROOT
from tests.integration.test_replay import add_posts, context, wait_for_rows
from tests.integration.test_replay_processes import GatedCommandLine, context_of, status_of, wait_for

KILLED = 3


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """The command line works on stores that were made by migrations."""
    return migrated_database


@pytest.fixture
def replay(app: Sequent, database: Database, tmp_path: Path, command_line: CommandLine) -> Iterator[GatedCommandLine]:
    """The command line, with posts to replay, and a process that adds more all the time."""
    add_posts(app, 40)
    (tmp_path / "open").write_text("go")
    gated = GatedCommandLine(database.url, tmp_path, command_line)
    writer = subprocess.Popen([sys.executable, "-c", ADD_POSTS, database.url, "writer", "3000"], cwd=ROOT)
    try:
        wait_for_rows(app, 45)
        yield gated
    finally:
        writer.kill()
        writer.wait()
        gated.close()


def some_process(parent: int, chance: random.Random) -> int:
    """The process, or one of those that it started."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except FileNotFoundError:
        children = []
    return chance.choice([parent, *map(int, children)])


def attempt(replay: GatedCommandLine, chance: random.Random) -> None:
    """Take all steps, and kill some process of it in between."""
    running = replay.start("all --workers 2 --group-size 50")
    try:
        running.wait(chance.uniform(0.5, 4))
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):  # it may have ended in this moment
            os.kill(some_process(running.pid, chance), signal.SIGKILL)
    running.communicate(timeout=120)


def at_work(app: Sequent) -> bool:
    """Whether a process takes a step; whoever was killed early began none."""
    found = status(context_of(app))
    return found is not None and found.at_work


def test_processes_are_killed_at_any_moment(app: Sequent, database: Database, replay: GatedCommandLine) -> None:
    """The next one goes on, and at the end every post has its row, which is what a fresh replay makes of it."""
    chance = random.Random(7)
    for _ in range(KILLED):
        attempt(replay, chance)
        wait_for(lambda: not at_work(app))
    replay.succeeds("all --workers 2")
    assert State.LIVE == status_of(app).state
    found: list[Difference] = []
    verify(context(app), app.projectors, found.append, lambda _: None, lambda _: None)
    assert [] == found
    posts = select(func.count()).select_from(aggregates).scalar_subquery()
    with app.session() as session:
        stored, rows = session.execute(select(posts, func.count()).select_from(PostRecord)).one()
    assert 45 < stored == rows
