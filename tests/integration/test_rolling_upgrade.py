"""While old and new code write at full speed, a new version goes live, and every event is projected exactly once."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from sequent_sa import Sequent
from sequent_sa.replay.drift import Difference, verify
from sequent_sa.replay.engine import Replay
from tests.databases import Database
from tests.integration.rolling_upgrade import PROJECTORS, SECONDS, Migrations, application
from tests.integration.test_concurrency import ROOT
from tests.integration.test_replay import NoMigrations, context, in_store


def writer(database: Database, version: str, name: str) -> subprocess.Popen[str]:
    """A process that writes."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.rolling_upgrade", database.url, version, name, "5"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def posts(app: Sequent, database: Database) -> int:
    """How many there are."""
    with app.session() as session:
        return session.scalar(text(f"SELECT count(*) FROM {in_store(database, 'aggregates')}")) or 0


def wait_for_posts(app: Sequent, database: Database, more: int) -> None:
    """Until there are more than now."""
    wanted = posts(app, database) + more
    give_up_at = time.monotonic() + SECONDS
    while posts(app, database) < wanted:
        assert time.monotonic() < give_up_at, "nobody writes"
        time.sleep(0.02)


@pytest.mark.parametrize("version", ["adds", "drops", "removes"])
def test_no_event_is_lost_or_projected_twice(database: Database, version: str) -> None:
    """With writers during every step, the rows are those of a fresh replay, one for each post that was committed."""
    old, new = application(database.url, "old"), application(database.url, version)
    old.create_all()
    writers = [writer(database, "old", "ben"), writer(database, "old", "kim"), writer(database, version, "eve")]
    try:
        wait_for_posts(old, database, 10)
        replay = Replay.create(context(new, migrations=Migrations(version)), new.projectors)
        for step in (replay.prepare, replay.run, replay.catch_up, replay.catch_up, replay.optimize, replay.catch_up):
            step()
            wait_for_posts(old, database, 3)
        replay.go_live()
        committed = sum(int(each.communicate(timeout=SECONDS)[0]) for each in writers)
    finally:
        for each in writers:
            each.kill()
            each.wait()
    view = "view_schema." if database.is_postgresql else ""
    with new.session() as session:
        rows = session.scalar(text(f"SELECT count(*) FROM {view}upgraded_posts"))
    assert committed == posts(new, database)
    assert committed == rows
    found: list[Difference] = []
    verify(context(new, migrations=NoMigrations()), [PROJECTORS[version]], found.append, lambda _: None, lambda _: None)
    assert [] == found
    old.engine.dispose()
    new.engine.dispose()
