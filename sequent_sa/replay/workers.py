"""The processes that load groups, as the one that started them sees them."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from sequent_sa.exceptions import ReplayError, ReplayWorkerError
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loader import Outcome
from sequent_sa.replay.meter import Meter
from sequent_sa.replay.worker import Advanced, Answer, Assignment, Failed, work

_SECONDS_TO_END = 10.0
_SECONDS_BETWEEN_LOOKS = 0.5


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self, number: int, assignment: Assignment) -> None:
        # A forked process would share the database connections of this one.
        context = multiprocessing.get_context("spawn")
        self.number = number
        self._again = "`sequent projectors replay run` goes on where it stopped"
        if assignment.replay_id is None:
            self._again = "nothing is left of the rehearsal"
        self.group: Group | None = None
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=work, args=(assignment, theirs), name=f"sequent replay {number}", daemon=True
        )
        with _deaf_to_ctrl_c():
            self._process.start()
        theirs.close()

    def give(self, group: Group | None) -> None:
        """A group to load; None: there are no more, and the process ends."""
        self.group = group
        try:
            self.pipe.send(group)
        except OSError as error:
            raise self._gone() from error

    def answer(self) -> Answer:
        """What it says next. Raises `ReplayError` when the process is gone."""
        try:
            received: Answer = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        return received

    def _gone(self) -> ReplayError:
        self._process.join(_SECONDS_TO_END)
        code = self._process.exitcode
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        when = "before its first group" if self.group is None else f"while it loaded group {self.group.number}"
        return ReplayError(f"worker {self.number} ended {when} ({how}): {self._again}")

    def end(self) -> None:
        """Let it end by itself, if it is told so already; else end it. Its transaction is rolled back."""
        self.pipe.close()
        if self.group is not None:
            self._process.terminate()
        self._process.join(_SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def load(
    groups: Iterable[Group],
    assignment: Assignment,
    number: int,
    meter: Meter,
    finished: Callable[[Outcome], object],
) -> None:
    """Load groups in so many processes. The first that fails ends all of them.

    Raises `ReplayWorkerError` with what went wrong in the other process.
    """
    todo = deque(groups)
    with _started(min(number, len(todo)), assignment) as workers:
        busy: dict[Any, _Worker] = {worker.pipe: worker for worker in workers}
        while busy:
            for pipe in wait(list(busy), _SECONDS_BETWEEN_LOOKS):
                worker = busy[pipe]
                answer = worker.answer()
                if isinstance(answer, Failed):
                    raise ReplayWorkerError(worker.number, answer.cause)
                if isinstance(answer, Advanced):
                    meter.advance(worker.number, answer.events)
                    continue
                if worker.group is not None:
                    meter.finish(worker.number)
                    finished(answer.outcome)
                worker.give(todo.popleft() if todo else None)
                if worker.group is None:
                    del busy[pipe]
                else:
                    meter.start(worker.number, worker.group)
            meter.show()


@contextmanager
def _started(number: int, assignment: Assignment) -> Generator[list[_Worker], None, None]:
    workers: list[_Worker] = []
    try:
        for place in range(1, number + 1):
            workers.append(_Worker(place, assignment))
        yield workers
    finally:
        for worker in workers:
            worker.end()


@contextmanager
def _deaf_to_ctrl_c() -> Generator[None, None, None]:
    # Ctrl-C reaches every process of a terminal; what becomes of the workers is for their parent to say. What is
    # blocked here stays blocked in a process that is started meanwhile.
    resource_tracker.ensure_running()  # it would unblock the signal when it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
