"""Threads of one application that work while something goes wrong."""

from __future__ import annotations

import random
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

from tests.databases.waiting import wait_until
from tests.faults.workload import Attempt, Execute, Worker, outcomes

WORKERS = 3
_COMMANDS = 20


class Crew:
    """What threads have done so far; `chance` is for what is done to them."""

    def __init__(self) -> None:
        self.seed = random.randrange(1_000_000)
        print(f"seed {self.seed}")
        self.chance = random.Random(self.seed)
        self.lines: list[str] = []
        self.ended = False

    def wait_for_more(self, number: int) -> None:
        """Until so many more commands have succeeded."""
        enough = self._acknowledged() + number
        wait_until(lambda: self._acknowledged() >= enough, "commands that succeed")

    def journal(self) -> list[Attempt]:
        """What became of each command."""
        return outcomes(self.lines)

    def work(self, execute: Execute, name: str) -> None:
        """What each thread does until it is told that this has ended."""
        for number in count():
            if self.ended:
                return
            Worker(execute, f"{name}-{number}", self.seed, self.lines.append).run(range(_COMMANDS))

    def _acknowledged(self) -> int:
        return sum('"acknowledged"' in line for line in list(self.lines))


@contextmanager
def working(execute: Execute) -> Generator[Crew, None, None]:
    """Threads execute commands until the block ends, which raises what they raised."""
    crew = Crew()
    with ThreadPoolExecutor(WORKERS) as pool:
        threads = [pool.submit(crew.work, execute, f"thread-{number}") for number in range(WORKERS)]
        try:
            yield crew
        finally:
            crew.ended = True
        for thread in threads:
            thread.result()
