"""How the progress of a replay looks, on a terminal, in a pipe and to a program."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from sequent_sa.cli import replay_display
from sequent_sa.cli.replay_display import display
from sequent_sa.replay.groups import Group
from sequent_sa.replay.meter import Meter, Progress, WorkerProgress

RUN = Progress(
    "run", 1_200, 5_000, 1, 4, 2.0, 600.0, (WorkerProgress(1, 2, 300, 1_000, 150.0), WorkerProgress(2, 3, 0, 900, 0.0))
)
OPTIMIZE = Progress("optimize", 0, None, 1, 3, 7.0, 0.0, (), "CREATE INDEX by_title ON posts (p GLOB '[/]*')")


class Terminal(io.StringIO):
    """What a person sees."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """Without colours and movements, with single spaces."""
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[━╸╺]", "", self.getvalue())
        return [" ".join(line.split()) for line in re.split(r"[\r\n]+", plain) if line.strip()]


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The process has one, from now on: pytest takes it away between a fixture and its test."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    return found


def test_a_terminal_shows_what_each_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate and the time that is left, of each and in total; a step that is done is a line."""
    terminal = terminal_of(monkeypatch)
    with display(as_json=False) as shown:
        shown.watch(RUN)
    assert "run (group 1 of 4) 1,200 of 5,000 600/s 0:00:06 left" in terminal.lines
    assert "worker 1: group 2 300 of 1,000 150/s 0:00:05 left" in terminal.lines
    assert "worker 2: group 3 0 of 900 0/s time left unknown" in terminal.lines
    with display(as_json=False) as shown:
        shown.watch(OPTIMIZE)
        shown.report("optimized")
    assert "optimized" in terminal.lines


def test_a_terminal_shows_a_step_without_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of its parts it is at."""
    terminal = terminal_of(monkeypatch)
    with display(as_json=False) as shown:
        shown.watch(OPTIMIZE)
    assert "optimize (part 2 of 3): CREATE INDEX by_title ON posts (p GLOB '[/]*')" in terminal.lines


def test_lines_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One every ten seconds, with the same figures; a part of a step that projects nothing at once, since it is new."""
    shown = display(as_json=False)
    shown.watch(RUN)
    assert "" == capsys.readouterr().out
    shown.watch(OPTIMIZE)
    assert "optimize: part 2 of 3: CREATE INDEX" in capsys.readouterr().out
    monkeypatch.setattr(replay_display, "_SECONDS_BETWEEN_LINES", 0.0)
    shown.watch(RUN)
    shown.watch(OPTIMIZE)
    assert [
        "run: 1,200 of 5,000 events, 600 a second, 0:00:06 left",
        "  worker 1: group 2, 300 of 1,000 events, 150 a second, 0:00:05 left",
        "  worker 2: group 3, 0 of 900 events, 0 a second, time left unknown",
        "optimize: part 2 of 3: CREATE INDEX by_title ON posts (p GLOB '[/]*')",
    ] == capsys.readouterr().out.splitlines()


def test_objects_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    """All figures, each with its name."""
    shown = display(as_json=True)
    shown.watch(RUN)
    shown.watch(OPTIMIZE)
    run, optimize = (json.loads(line)["progress"] for line in capsys.readouterr().out.splitlines())
    assert ("run", 1_200, 5_000, 600, 6.3, None) == tuple(
        run[name] for name in ("step", "done", "events", "events_a_second", "seconds_left", "doing")
    )
    assert {"number": 1, "group": 2, "done": 300, "events": 1_000, "events_a_second": 150, "seconds_left": 4.7} == run[
        "workers"
    ][0]
    assert ("CREATE INDEX by_title ON posts (p GLOB '[/]*')", 1, 3) == tuple(
        optimize[name] for name in ("doing", "groups_done", "groups")
    )


def test_what_others_loaded_before_counts_as_done_and_not_into_the_rate() -> None:
    """And what was estimated of a group is corrected when it is known."""
    meter = Meter(lambda _: None, "run", done=500, events=800, groups_done=1, groups=2)
    assert (500, 0.0) == (meter.progress.done, meter.progress.events_a_second)
    meter.start(1, Group(2, events=300))
    meter.advance(1, 400)
    meter.finish(1)
    found = meter.progress
    assert (900, 900, 2, 0.0) == (found.done, found.events, found.groups_done, found.seconds_left)
    assert found.events_a_second * found.seconds == pytest.approx(400)
