"""Client processes that stay connected, and work at the same time when they are told to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import UUID

from benchmarks.harness.figures import Round

PROGRAM = "benchmarks.client"


@dataclass(frozen=True)
class Answer:
    """What one client did: when by the clock that all processes share, and how often what error ended a command.

    `tries` are counted by `retried` clients only: a command that lost a race once took two.
    """

    begin: float
    end: float
    latencies: list[float]
    errors: dict[str, int]
    tries: int


class Clients:
    """Some processes, each with a subject of its own."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes
        for each in processes:
            assert _read(each) == "ready"

    def __len__(self) -> int:
        return len(self._processes)

    def work(self, shares: Sequence[Sequence[UUID]], seconds: float | None = None) -> list[Answer]:
        """As many clients as there are shares work on them, all at once; with `seconds` again and again, so long."""
        self.start(shares, seconds)
        return self.answers(len(shares))

    def start(self, shares: Sequence[Sequence[UUID]], seconds: float | None = None) -> None:
        """Begin what `answers` waits for."""
        for process, share in zip(self._processes[: len(shares)], shares, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps({"ids": [str(id_) for id_ in share], "seconds": seconds}) + "\n")
            process.stdin.flush()

    def answers(self, number: int) -> list[Answer]:
        """What the first clients, so many, did."""
        return [Answer(**json.loads(_read(process))) for process in self._processes[:number]]

    def round(self, shares: Sequence[Sequence[UUID]]) -> Round:
        """The same as one round, from the first that began to the last that ended. No command may have failed."""
        answers = self.work(shares)
        assert not any(answer.errors for answer in answers), answers
        return together(answers)


def together(answers: Sequence[Answer]) -> Round:
    """The commands that succeeded, from the first client that began to the last that ended."""
    latencies = [latency for answer in answers for latency in answer.latencies]
    seconds = max(answer.end for answer in answers) - min(answer.begin for answer in answers)
    return Round(len(latencies), seconds, latencies)


def clients(number: int, subject: str, url: str, work: str) -> AbstractContextManager[Clients]:
    """Start so many, which end with the block.

    `work` is `add`, `count`, `load`, `project` for an `add` with a view row, or `retried` for a `count` that begins
    again when it lost a race.
    """
    return started(number, [sys.executable, "-m", PROGRAM, subject, url, work])


@contextmanager
def started(number: int, command: Sequence[str]) -> Iterator[Clients]:
    """Start so many of a program that does what `benchmarks.client` does."""
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(number)
    ]
    try:
        yield Clients(processes)
    finally:
        for process in processes:
            process.communicate()


def _read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()
