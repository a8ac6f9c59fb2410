"""How far a replay is, and how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sequent_sa.replay.groups import Group

_SECONDS_BETWEEN_SHOWS = 0.2


@dataclass(frozen=True, slots=True)
class WorkerProgress:
    """One process: the group that it loads, and how many events of it are done, of how many, as estimated."""

    number: int
    group: int
    done: int
    events: int
    events_a_second: float

    @property
    def seconds_left(self) -> float | None:
        """How long the rest of the group will take; None when nobody knows."""
        return _seconds_left(self.done, self.events, self.events_a_second)


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that takes long: the events that are done, and those that there are, as estimated.

    `events` is None when nobody knows. `seconds` is how long this process has been at it; what others did before it
    counts as done, and not into the rate. A step that projects nothing has parts in the place of groups, and says what
    it is `doing`.
    """

    step: str
    done: int
    events: int | None
    groups_done: int
    groups: int
    seconds: float
    events_a_second: float
    workers: tuple[WorkerProgress, ...]
    doing: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at this rate; None when nobody knows."""
        return _seconds_left(self.done, self.events, self.events_a_second)


Watch = Callable[[Progress], None]
"""Gets the progress every now and then."""


@dataclass(slots=True)
class _Work:
    group: Group
    done: int
    events: int
    begin: float


class Meter:
    """Counts what is done, and shows it a few times a second, and when a group is finished."""

    def __init__(
        self,
        watch: Watch,
        step: str,
        *,
        done: int = 0,
        events: int | None = None,
        groups_done: int = 0,
        groups: int = 0,
    ) -> None:
        self._watch = watch
        self._step = step
        self._before = done
        self._expected = events
        self._groups_done = groups_done
        self._groups = groups
        self._doing: str | None = None
        self._new = 0
        self._workers: dict[int, _Work] = {}
        self._begin = self._shown = time.monotonic()

    def start(self, worker: int, group: Group) -> None:
        """A process begins with a group."""
        known = self._workers.get(worker)
        now = time.monotonic()
        self._workers[worker] = _Work(group, 0, known.events, known.begin) if known else _Work(group, 0, 0, now)

    def advance(self, worker: int, events: int) -> None:
        """A process has projected more events."""
        self._new += events
        work = self._workers.get(worker)
        if work is not None:
            work.done += events
            work.events += events
        if time.monotonic() - self._shown >= _SECONDS_BETWEEN_SHOWS:
            self.show()

    def finish(self, worker: int) -> None:
        """A process has loaded its group."""
        work = self._workers[worker]
        if self._expected is not None:
            self._expected += work.done - work.group.events  # what was estimated is known now
        self._groups_done += 1
        self.show()

    def do(self, what: str, parts_done: int, parts: int) -> None:
        """A part of a step that projects nothing begins."""
        self._doing, self._groups_done, self._groups = what, parts_done, parts
        self.show()

    def show(self) -> None:
        """Show how far it is now."""
        self._shown = time.monotonic()
        self._watch(self.progress)

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        now = time.monotonic()
        workers = tuple(
            WorkerProgress(
                number, work.group.number, work.done, work.group.events, _rate(work.events, now - work.begin)
            )
            for number, work in sorted(self._workers.items())
        )
        seconds = now - self._begin
        return Progress(
            self._step,
            self._before + self._new,
            self._expected,
            self._groups_done,
            self._groups,
            seconds,
            _rate(self._new, seconds),
            workers,
            self._doing,
        )


def _rate(events: int, seconds: float) -> float:
    return events / seconds if seconds > 0 else 0.0


def _seconds_left(done: int, events: int | None, events_a_second: float) -> float | None:
    if events is None or not events_a_second:
        return None
    return max(events - done, 0) / events_a_second
