"""How the progress of a replay is shown: on a terminal, as plain lines, or as JSON."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from sequent_sa.cli.reporting import Report
from sequent_sa.replay.meter import Progress, WorkerProgress
from sequent_sa.replay.replay_state import ENDED
from sequent_sa.replay.status import ReplayStatus

if TYPE_CHECKING:
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES = 10.0


class Display(AbstractContextManager["Display"], Protocol):
    """Shows what a replay does."""

    def report(self, line: str) -> None:
        """A step is done."""
        ...

    def watch(self, progress: Progress) -> None:
        """How far a step is."""
        ...

    def status(self, status: ReplayStatus | None) -> None:
        """Where things stand in the end."""
        ...


def display(as_json: bool, *, on_stderr: bool = False) -> Display:
    """What suits where the output goes. `on_stderr` leaves stdout to the results, but for JSON."""
    if as_json:
        return JsonDisplay()
    return TerminalDisplay() if sys.stderr.isatty() else PlainDisplay(on_stderr=on_stderr)


class PlainDisplay:
    """Lines, one every ten seconds while something takes long."""

    def __init__(self, *, on_stderr: bool = False) -> None:
        self._last = time.monotonic()
        self._on_stderr = on_stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to put away."""

    def report(self, line: str) -> None:
        click.echo(line, err=self._on_stderr)

    def watch(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.doing is not None or now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            for line in _lines(progress):
                click.echo(line, err=self._on_stderr)

    def status(self, status: ReplayStatus | None) -> None:
        for line in status_lines(status):
            click.echo(line)


class JsonDisplay(PlainDisplay):
    """Objects, one a line: `report`, `progress` and, at the end, `status`."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = Report(as_json=True)

    def report(self, line: str) -> None:
        self._lines.say({"report": line})

    def watch(self, progress: Progress) -> None:
        self._lines.say({"progress": progress_data(progress)})

    def status(self, status: ReplayStatus | None) -> None:
        self._lines.say({"status": None if status is None else status_data(status)})


class TerminalDisplay(PlainDisplay):
    """Bars that move, one for everything and one for each process."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only whoever sees it pays for it
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

        super().__init__()
        columns = ("{task.description}", "{task.fields[done]}", "{task.fields[rate]}", "{task.fields[left]}")
        what, *figures = (TextColumn(each, markup=False) for each in columns)  # brackets of SQL are no markup
        self._bars = Progress(what, BarColumn(), *figures, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def report(self, line: str) -> None:
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._tasks.clear()
        self._bars.console.print(line, highlight=False, markup=False)

    def watch(self, progress: Progress) -> None:
        if progress.doing is not None:
            self._show_doing(progress, progress.doing)
            return
        groups = f" (group {progress.groups_done} of {progress.groups})" if progress.groups else ""
        self._show(f"{progress.step}{groups}", "total", progress)
        for worker in progress.workers if len(progress.workers) > 1 else ():
            self._show(f"worker {worker.number}: group {worker.group}", f"worker {worker.number}", worker)

    def _show_doing(self, progress: Progress, doing: str) -> None:
        description = f"{progress.step} (part {progress.groups_done + 1} of {progress.groups}): {doing}"
        task = self._task("total", description)
        self._bars.update(task, description=description, completed=progress.groups_done, total=progress.groups)

    def _task(self, key: str, description: str) -> TaskID:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(description, done="", rate="", left="")
        return self._tasks[key]

    def _show(self, description: str, key: str, done: Progress | WorkerProgress) -> None:
        self._bars.update(
            self._task(key, description),
            description=description,
            completed=done.done,
            total=done.events,
            done=_done(done),
            rate=f"{done.events_a_second:,.0f}/s",
            left=_left(done.seconds_left),
        )


def status_lines(status: ReplayStatus | None) -> list[str]:
    """A status for people."""
    if status is None:
        return ["there was no replay yet; begin one: sequent projectors replay prepare"]
    lines = replay_lines(status)
    if status.state in ENDED:
        lines.append("no replay is in progress; begin one: sequent projectors replay prepare")
    elif status.next_step is not None and not status.at_work:
        lines.append(f"next: sequent projectors replay {status.next_step}")
    return lines


def replay_lines(status: ReplayStatus) -> list[str]:
    """A replay for people, without what comes next."""
    what = ", ".join(f"{name} version {version}" for name, version in status.projectors.items())
    lines = [f"replay of {what}: {status.state.value} since {status.updated_at:%Y-%m-%d %H:%M:%S} UTC"]
    if status.counts is not None and status.counts.groups:
        done = status.counts
        lines.append(
            f"{done.finished} of {done.groups} groups loaded, {done.finished_events} of about {done.events} events"
        )
    if status.position is not None:
        lines.append(f"loaded until {status.position}")
    if status.behind is not None:
        since = "" if status.behind.since is None else f", the first of {status.behind.since:%Y-%m-%d %H:%M:%S} UTC"
        lines.append(f"{status.behind.events} events are still to be loaded{since}")
    if status.error is not None:
        message = " ".join(status.error["message"].split())
        lines.append(f"the last attempt failed: {status.error['type'].rpartition('.')[2]}: {message}")
    if status.foreign is not None:
        lines.append(status.foreign)
    if status.at_work:
        lines.append("a process is at work on it")
    return lines


def status_data(status: ReplayStatus) -> dict[str, Any]:
    """A status for programs."""
    counts = status.counts
    return {
        "state": status.state.value,
        "projectors": dict(status.projectors),
        "updated_at": status.updated_at.isoformat(),
        "at_work": status.at_work,
        "next": status.next_step,
        "position": status.position,
        "groups": counts and {"finished": counts.finished, "all": counts.groups},
        "events": counts and {"finished": counts.finished_events, "all": counts.events},
        "behind": status.behind
        and {
            "events": status.behind.events,
            "since": status.behind.since and status.behind.since.isoformat(),
        },
        "error": status.error and dict(status.error),
        "foreign": status.foreign,
    }


def progress_data(progress: Progress) -> dict[str, Any]:
    """Progress for programs."""
    return {
        "step": progress.step,
        **_numbers(progress),
        "groups_done": progress.groups_done,
        "groups": progress.groups,
        "seconds": round(progress.seconds, 3),
        "doing": progress.doing,
        "workers": [
            {"number": worker.number, "group": worker.group, **_numbers(worker)} for worker in progress.workers
        ],
    }


def _numbers(done: Progress | WorkerProgress) -> dict[str, Any]:
    left = done.seconds_left
    return {
        "done": done.done,
        "events": done.events,
        "events_a_second": round(done.events_a_second),
        "seconds_left": None if left is None else round(left, 1),
    }


def _lines(progress: Progress) -> list[str]:
    if progress.doing is not None:
        return [f"{progress.step}: part {progress.groups_done + 1} of {progress.groups}: {progress.doing}"]
    lines = [
        f"{progress.step}: {_done(progress)} events, {progress.events_a_second:,.0f} a second, "
        f"{_left(progress.seconds_left)}"
    ]
    if len(progress.workers) > 1:
        lines += [
            f"  worker {worker.number}: group {worker.group}, {_done(worker)} events, "
            f"{worker.events_a_second:,.0f} a second, {_left(worker.seconds_left)}"
            for worker in progress.workers
        ]
    return lines


def _done(done: Progress | WorkerProgress) -> str:
    return f"{done.done:,}" if done.events is None else f"{done.done:,} of {done.events:,}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "time left unknown"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} left"
