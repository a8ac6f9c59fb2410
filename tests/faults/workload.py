"""Random commands for the blog, and a journal of what became of each.

Run as a program it works until it is killed, and prints the journal: `python -m tests.faults.workload URL NAME SEED
[COUNT [FILE_LIMIT [SIZE]]]`. No file may become larger than the limit; texts have this size at least. With
`--in-coroutines` it works on the asyncio engine.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Literal, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy.exc import DBAPIError

from sequent_sa import Command, SequentError
from tests.blog import AddComment, AddPost, FailAfterRename, RenamePost, new_app

Outcome = Literal["acknowledged", "refused", "unknown"]

IN_COROUTINES = "--in-coroutines"

_NAMESPACE = UUID(int=4)
_KINDS = ("add", "add", "comment", "comment", "rename", "rename", "id twice", "title twice", "fail")


class Attempt(NamedTuple):
    """One command: `mark` is a text that is in it, and in its events, and nowhere else."""

    mark: str
    outcome: Outcome
    said: str = ""


Write = Callable[[str], object]
Execute = Callable[[Command], object]


class Worker:
    """Executes random commands on posts of its own, and writes down the mark of each before and its outcome after."""

    def __init__(self, execute: Execute, name: str, seed: int, write: Write, text: str = "") -> None:
        self._execute = execute
        self._name = name
        self._random = random.Random(f"{name} {seed}")
        self._write = write
        self._text = text
        self._posts: list[UUID] = []

    def run(self, numbers: Iterable[int]) -> None:
        """One command for each number."""
        for number in numbers:
            mark = f"<{self._name}-{number}>"
            self._write(json.dumps([mark, "unknown", ""]))
            self._write(json.dumps(self._attempt(mark, self._command(mark, number))))

    def _attempt(self, mark: str, command: Command) -> Attempt:
        try:
            self._execute(command)
        except DBAPIError as error:
            # Nobody knows whether a COMMIT arrived when its answer did not; then the error has a note that says so.
            return Attempt(mark, "unknown" if hasattr(error, "__notes__") else "refused", repr(error.orig))
        except (SequentError, RuntimeError) as error:
            return Attempt(mark, "refused", repr(error))
        if isinstance(command, AddPost):
            self._posts.append(command.aggregate_id)
        return Attempt(mark, "acknowledged")

    def _command(self, mark: str, number: int) -> Command:
        text = f"{mark}{self._text}"
        kind = self._random.choice(_KINDS)
        if kind == "add" or not self._posts:
            author = self._random.choice(["ben", "newcomer"])
            return AddPost(aggregate_id=uuid5(_NAMESPACE, f"{self._name} {number}"), author=author, title=mark)
        post = self._random.choice(self._posts)
        match kind:
            case "comment":
                return AddComment(aggregate_id=post, text=text)
            case "id twice":
                return AddPost(aggregate_id=post, author="ben", title=mark)
            case "title twice":
                return AddPost(aggregate_id=uuid5(_NAMESPACE, mark), author=mark, title="The same for all")
            case "fail":
                return FailAfterRename(aggregate_id=post, title=mark)
            case _:
                return RenamePost(aggregate_id=post, title=mark)


def outcomes(lines: Iterable[str]) -> list[Attempt]:
    """The journal: the last that was written about each command; an attempt that nothing follows is unknown."""
    found: dict[str, Attempt] = {}
    for line in lines:
        if line.endswith(("\n", "]")):
            mark, outcome, said = json.loads(line)
            found[mark] = Attempt(mark, outcome, said)
    return list(found.values())


def main(
    url: str, name: str, seed: str, number: str = "", file_limit: str = "", size: str = "0", *, in_coroutines: bool
) -> None:
    """Works, and prints each line at once."""

    def write(line: str) -> None:
        print(line, flush=True)

    app = new_app(url)
    if file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_limit), int(file_limit)))
    loop = asyncio.new_event_loop()

    def execute(command: Command) -> None:
        if in_coroutines:
            loop.run_until_complete(app.execute_commands_async(command))
        else:
            app.execute_commands(command)

    Worker(execute, name, int(seed), write, "x" * int(size)).run(range(int(number)) if number else count())


def command_line(url: str, name: str, seed: int, *more: object) -> Sequence[str]:
    """How to run this program."""
    return [sys.executable, "-m", "tests.faults.workload", url, name, str(seed), *map(str, more)]


if __name__ == "__main__":
    main(*(each for each in sys.argv[1:] if each != IN_COROUTINES), in_coroutines=IN_COROUTINES in sys.argv)
