"""A replay in several processes, any of which may be interrupted or killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from sequent_sa import Sequent
from sequent_sa.cli.replay_display import status_lines
from sequent_sa.database import NoViewHistory
from sequent_sa.replay.context import ReplayContext
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.progress import GroupCounts
from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import ReplayStatus, status
from tests.acceptance.command_line import hear_ctrl_c
from tests.blog import AddPost, PostRecord
from tests.databases import Database
from tests.integration.command_line import CommandLine, Done
from tests.integration.test_concurrency import ROOT
from tests.integration.test_replay import add_posts

POSTS = 24
GATED = "tests.integration.gated_blog:app"


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """The command line works on stores that were made by migrations."""
    return migrated_database


class GatedCommandLine:
    """Runs `sequent projectors replay ...` on the gated blog, in a process of its own or to its end."""

    def __init__(self, url: str, gate: Path, command_line: CommandLine) -> None:
        self.gate = gate
        self._url = url
        self._command_line = command_line
        self._environment = {"DATABASE_URL": url, "PATH": "", "PYTHONPATH": str(ROOT), "GATE": str(gate)}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, command: str, *, group: str = "projectors replay") -> subprocess.Popen[str]:
        """In a process group of its own, as a shell does."""
        program = [sys.executable, "-m", "sequent_sa.cli", "--app", GATED]
        process = subprocess.Popen(
            [*program, *group.split(), *command.split()],
            cwd=self.gate,  # where no history of migrations is
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=hear_ctrl_c,  # noqa: PLW1509 - no other thread is at work here
        )
        self._started.append(process)
        return process

    def run(self, command: str, *, group: str = "projectors replay") -> Done:
        """To its end."""
        return self._command_line(f"{group} {command}", app=GATED, url=self._url)

    def succeeds(self, command: str) -> str:
        """What a command that must succeed printed."""
        done = self.run(command)
        assert 0 == done.status, done
        return done.out

    def close(self) -> None:
        """End what is still running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def replay(
    app: Sequent, database: Database, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GatedCommandLine]:
    """The command line, with posts to replay, and a replay that is prepared."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="gate"))
    add_posts(app, POSTS - 1)
    Replay.create(context_of(app), app.projectors).prepare()
    monkeypatch.setenv("GATE", str(tmp_path))
    gated = GatedCommandLine(database.url, tmp_path, command_line)
    yield gated
    gated.close()


def context_of(app: Sequent) -> ReplayContext:
    """What a replay in this process needs."""
    return app.replay_context(NoViewHistory())


def status_of(app: Sequent) -> ReplayStatus:
    """Where the replay stands."""
    found = status(context_of(app))
    assert found is not None
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds."""
    give_up_at = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < give_up_at, "it never came to that"
        time.sleep(0.02)


def at_the_gate(replay: GatedCommandLine) -> int:
    """Wait for a process to reach the gate; its id."""
    wait_for((replay.gate / "reached").exists)
    return int((replay.gate / "reached").read_text())


def is_alive(process_id: int) -> bool:
    """Whether there is such a process, other than one that nobody has buried."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def finishes(app: Sequent) -> None:
    """The replay is taken up and goes live with every row once."""
    resumed = Replay.resume(context_of(app)) or Replay.create(context_of(app), app.projectors)
    resumed.take_all_steps()
    assert State.LIVE == resumed.state
    with app.session() as session:
        rows = session.execute(select(PostRecord.title, PostRecord.comments).order_by(PostRecord.title)).all()
    assert POSTS == len(rows)
    assert [("gate", 0)] == [tuple(row) for row in rows if row.title == "gate"]
    assert {1} == {row.comments for row in rows if row.title != "gate"}


def loaded(app: Sequent) -> GroupCounts:
    """How many groups are loaded."""
    counts = status_of(app).counts
    assert counts is not None
    return counts


def test_processes_share_the_work(app: Sequent, replay: GatedCommandLine) -> None:
    """A group that waits in one process does not keep another one from loading the rest."""
    running = replay.start("run --workers 2 --group-size 10 --json")
    worker = at_the_gate(replay)
    assert worker != running.pid
    wait_for(lambda: loaded(app).finished == loaded(app).groups - 1)
    assert (State.REPLAYING, True) == (status_of(app).state, status_of(app).at_work)
    assert loaded(app).groups > POSTS * 3 / 10
    (replay.gate / "open").write_text("go")
    out, err = running.communicate(timeout=120)
    assert 0 == running.returncode, err
    printed = [json.loads(line) for line in out.splitlines()]
    last = [each["progress"] for each in printed if "progress" in each][-1]
    assert POSTS * 3 - 1 == last["done"] == last["events"]
    assert {1, 2} == {each["number"] for each in last["workers"]}
    assert 0 == last["seconds_left"]
    assert ("replayed", "optimize") == (printed[-1]["status"]["state"], printed[-1]["status"]["next"])
    finishes(app)


def test_a_killed_worker_fails_the_run(app: Sequent, replay: GatedCommandLine) -> None:
    """kill -9: the others end, the replay says why, and the next run loads the rest."""
    running = replay.start("run --workers 2 --group-size 10")
    os.kill(at_the_gate(replay), signal.SIGKILL)
    _, err = running.communicate(timeout=120)
    assert 1 == running.returncode
    assert "ended while it loaded group" in err
    assert "(killed by signal 9)" in err
    found = status_of(app)
    assert (State.FAILED, "run", False) == (found.state, found.next_step, found.at_work)
    assert found.error is not None
    assert "killed by signal 9" in found.error["message"]
    finishes(app)


def test_workers_end_with_the_process_that_started_them(app: Sequent, replay: GatedCommandLine) -> None:
    """kill -9 of the parent: no worker stays, and whoever comes next goes on."""
    running = replay.start("run --workers 2 --group-size 10")
    worker = at_the_gate(replay)
    running.kill()
    running.communicate()
    wait_for(lambda: not is_alive(worker))
    found = status_of(app)
    assert (State.REPLAYING, "run", False) == (found.state, found.next_step, found.at_work)
    finishes(app)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_can_be_interrupted(app: Sequent, replay: GatedCommandLine, workers: int) -> None:
    """Ctrl-C reaches all processes of a terminal: one line, status 130, nobody left at work."""
    running = replay.start(f"run --workers {workers} --group-size 10")
    worker = at_the_gate(replay)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert (130, "Interrupted.") == (running.returncode, err.strip())
    wait_for(lambda: not is_alive(worker))
    assert State.REPLAYING == status_of(app).state
    finishes(app)


def test_a_replay_can_be_aborted_while_others_load(app: Sequent, replay: GatedCommandLine) -> None:
    """From another process; those that load cannot store anything any more, and say so."""
    running = replay.start("run --workers 2 --group-size 10")
    at_the_gate(replay)
    assert "aborted" in replay.succeeds("abort")
    (replay.gate / "open").write_text("go")
    _, err = running.communicate(timeout=120)
    assert 1 == running.returncode
    assert "ended by another process" in err
    assert State.ABORTED == status_of(app).state
    finishes(app)


def test_a_second_process_does_not_load_at_the_same_time(app: Sequent, replay: GatedCommandLine) -> None:
    """It says who is at work, and what can be done about it; nothing is changed by that."""
    running = replay.start("run --workers 2 --group-size 10")
    at_the_gate(replay)
    code, _, err = replay.run("run")
    assert 1 == code
    assert "another process is at work on this replay" in err
    (replay.gate / "open").write_text("go")
    running.communicate(timeout=120)
    assert 0 == running.returncode
    finishes(app)


@contextmanager
def twins_held(app: Sequent) -> Iterator[None]:
    """Nobody can write the definitions of the copies meanwhile."""
    if app.dialect.name == "postgresql":
        with app.engine.begin() as connection:
            connection.execute(text("LOCK TABLE replay_schema.post_records IN ROW EXCLUSIVE MODE"))
            yield
        return
    with closing(sqlite3.connect(f"{app.engine.url.database}-replay", isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        yield


def test_a_killed_optimize_is_taken_again(app: Sequent, replay: GatedCommandLine) -> None:
    """Whatever it had done already."""
    Replay.resume(context_of(app)).abort()  # type: ignore[union-attr]
    view = "view_schema." if app.dialect.name == "postgresql" else ""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(text(f"CREATE INDEX by_title ON {view}post_records (title)"))
    (replay.gate / "open").write_text("go")
    for step in ("prepare", "run"):
        replay.succeeds(step)
    with twins_held(app):
        running = replay.start("optimize")
        wait_for(lambda: status_of(app).at_work)
        running.kill()
        running.communicate()
    wait_for(lambda: not status_of(app).at_work)
    assert State.REPLAYED == status_of(app).state
    replay.succeeds("optimize")
    finishes(app)
    indexes = {each["name"] for each in inspect(app.engine).get_indexes("post_records", schema=view[:-1] or None)}
    assert "by_title" in indexes


def test_a_killed_comparison_leaves_a_replay_to_abort(app: Sequent, replay: GatedCommandLine) -> None:
    """The live table is untouched, the next one says what to type, and then it works."""
    replay.succeeds("abort")
    running = replay.start("verify", group="projectors")
    at_the_gate(replay)
    running.kill()
    running.communicate()
    (replay.gate / "open").write_text("go")
    wait_for(lambda: not status_of(app).at_work)
    refused = replay.run("verify", group="projectors")
    assert 1 == refused.status
    assert (
        "is in progress (state replaying): finish it, or end it with `sequent projectors replay abort`" in refused.err
    )
    replay.succeeds("abort")
    again = replay.run("verify", group="projectors")
    assert (0, "the tables hold what the events say\n") == (again.status, again.out)
    assert State.ABORTED == status_of(app).state


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cause_is_stored_with_the_replay(app: Sequent, replay: GatedCommandLine, workers: int) -> None:
    """Its type, what it said, and where, whichever process it happened in; one line says it at once."""
    (replay.gate / "open").write_text("fail")
    code, _, err = replay.run(f"run --workers {workers} --group-size 10")
    assert 1 == code
    assert "PostProjector failed on PostTitleChanged" in err.replace("GatedProjector", "PostProjector")
    assert "no way through" in err
    assert "Traceback" not in err
    found = status_of(app)
    assert found.error is not None
    assert State.FAILED == found.state
    assert "sequent_sa.exceptions.projections.PublishEventError" == found.error["type"]
    assert "RuntimeError: no way through" in found.error["message"]
    assert "in wait_at" in found.error["traceback"]
    assert any("the last attempt failed: PublishEventError" in line for line in status_lines(found))
    finishes(app)


def test_status_before_and_after(app: Sequent, database: Database, tmp_path: Path, command_line: CommandLine) -> None:
    """Without a replay it says how to begin one, and each step says what is next."""
    add_posts(app, 2)
    replay = GatedCommandLine(database.url, tmp_path, command_line)
    assert "begin one: sequent projectors replay prepare" in replay.succeeds("status")
    steps = {
        "prepare": ("prepared", "run"),
        "run": ("replayed", "optimize"),
        "catchup": ("replayed", "optimize"),
        "optimize": ("optimized", "golive"),
        "golive": ("live", None),
    }
    for step, (state, following) in steps.items():
        out = replay.succeeds(step)
        expected = f"next: sequent projectors replay {following}" if following else "no replay is in progress"
        assert expected in out.splitlines()[-1], out
        assert f"replay of PostProjector version 1: {state} since " in out
        assert ("loaded until " in out) is (step in ("run", "catchup", "optimize"))
    with app.session() as session:
        assert 2 == session.scalar(select(func.count()).select_from(PostRecord))


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("prepare Nobody", "Nobody is no projector of this application: it has PostProjector"),
        ("run", "no replay is in progress: begin one with `sequent projectors replay prepare`"),
        ("golive", "no replay is in progress"),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(
    app: Sequent, database: Database, command_line: CommandLine, command: str, complaint: str
) -> None:
    """In one line, with exit status 1."""
    assert app.projectors
    done = command_line(f"projectors replay {command}", app=GATED, url=database.url)
    assert 1 == done.status
    assert complaint in done.line()
