"""kill -9 of PostgreSQL during a replay: the step says so, the live rows stay, and whoever comes next goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from sequent_sa import Sequent
from sequent_sa.database import upgrade_event_store
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from tests.blog import AddPost, PostRecord, RenamePost, new_app
from tests.databases import PostgreSQLServer
from tests.integration.command_line import CommandLine
from tests.integration.test_replay import add_posts, titles
from tests.integration.test_replay_processes import (
    POSTS,
    GatedCommandLine,
    at_the_gate,
    context_of,
    finishes,
    is_alive,
    status_of,
    wait_for,
)


@pytest.fixture
def app_on_own_server(own_server: PostgreSQLServer) -> Iterator[Sequent]:
    """The blog in a database of this test's own there, with a post at which a replay waits."""
    maintenance = new_app(own_server.url)
    name = f"replay_{uuid4().hex}"
    with maintenance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    maintenance.engine.dispose()
    app = new_app(own_server.url.replace("/postgres?", f"/{name}?"))
    upgrade_event_store(app.engine)
    app.create_all()
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="gate"))
    add_posts(app, POSTS - 1)
    yield app
    app.engine.dispose()


@pytest.fixture
def replay(
    app_on_own_server: Sequent, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GatedCommandLine]:
    """The command line, with a replay that is prepared."""
    Replay.create(context_of(app_on_own_server), app_on_own_server.projectors).prepare()
    monkeypatch.setenv("GATE", str(tmp_path))
    url = app_on_own_server.engine.url.render_as_string(hide_password=False)
    gated = GatedCommandLine(url, tmp_path, command_line)
    yield gated
    gated.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_server_is_killed_while_a_replay_loads(
    app_on_own_server: Sequent, own_server: PostgreSQLServer, replay: GatedCommandLine, workers: int
) -> None:
    """The run ends with one line, none of its processes stays, and the next one loads the rest."""
    running = replay.start(f"run --workers {workers} --group-size 10")
    worker = at_the_gate(replay)
    own_server.crash()
    (replay.gate / "open").write_text("go")
    _, err = running.communicate(timeout=120)
    assert 1 == running.returncode, err
    assert err.startswith("Error: ")
    assert "Traceback" not in err
    wait_for(lambda: not is_alive(worker))
    app_on_own_server.engine.dispose()
    found = status_of(app_on_own_server)
    assert found.state in (State.REPLAYING, State.FAILED)
    assert ("run", False) == (found.next_step, found.at_work)
    finishes(app_on_own_server)


def test_the_server_is_killed_while_a_replay_goes_live(
    app_on_own_server: Sequent, own_server: PostgreSQLServer, replay: GatedCommandLine
) -> None:
    """Nothing has happened: the live rows are there, commands go on, and going live can be tried again."""
    app = app_on_own_server
    (replay.gate / "open").write_text("go")
    for step in ("run", "optimize"):
        replay.succeeds(step)
    for file in ("open", "reached"):
        (replay.gate / file).unlink()
    with app.session() as session:
        gate = session.scalars(select(PostRecord.aggregate_id).where(PostRecord.title == "gate")).one()
    app.execute_commands(
        RenamePost(aggregate_id=gate, title="former gate"),
        AddPost(aggregate_id=app.new_uuid(), author="kim", title="gate"),
    )
    before = titles(app)
    running = replay.start("golive")
    at_the_gate(replay)
    own_server.crash()
    (replay.gate / "open").write_text("go")
    _, err = running.communicate(timeout=120)
    assert 1 == running.returncode, err
    assert err.startswith("Error: ")
    app.engine.dispose()
    found = status_of(app)
    assert (State.OPTIMIZED, "golive", False) == (found.state, found.next_step, found.at_work)
    assert before == titles(app)
    add_posts(app, 1, "eve")
    replay.succeeds("golive")
    assert sorted([*before, ("eve 0", 1)], key=str) == sorted(titles(app), key=str)
    assert State.LIVE == status_of(app).state
