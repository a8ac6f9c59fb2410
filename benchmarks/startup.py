"""What starting costs: importing the package, asking the command for help, and one unit test on the store in memory.

Usage: python -m benchmarks.startup [ROUNDS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from benchmarks.blog import AddPost, PostAdded, PostAuthorChanged, PostTitleChanged, PostWordsCounted
from benchmarks.harness.arguments import numbers
from benchmarks.harness.results import Results, Table
from sequent_sa import Sequent
from sequent_sa.testing.scenario import SequentFixture

PROGRAMS = (
    ("Python alone", None, ("-c", "pass")),
    ("import sequent_sa", 500, ("-c", "import sequent_sa")),
    ("from sequent_sa import *, all there is", None, ("-c", "from sequent_sa import *")),
    ("sequent --help", 400, ("-c", "from sequent_sa.cli.main import main; main()", "--help")),
)
TESTS = 100


def main() -> None:
    """Measure and print."""
    (rounds,) = numbers(9)
    measure(Results(), rounds)


def measure(results: Results, rounds: int) -> None:
    """Add a table of medians, each beside what it may take."""
    app = Sequent(packages=["benchmarks.blog"], environment="test")
    work: list[tuple[str, float | None, Callable[[], float]]] = [
        (name, most, partial(_process, arguments)) for name, most, arguments in PROGRAMS
    ]
    work.append(("a unit test on the store in memory", 1, partial(_tests, app)))
    found: dict[str, list[float]] = {name: [] for name, _, _ in work}
    for round_ in range(rounds + 1):
        for name, _, run in work:
            milliseconds = run()
            if round_:
                found[name].append(milliseconds)
    rows = [
        (
            name,
            *(f"{each(found[name]):.2f}" for each in (statistics.median, min, max)),
            *(("", "") if most is None else (f"{most:g}", _judged(statistics.median(found[name]), most))),
        )
        for name, most, _ in work
    ]
    columns = ("what", "median ms", "least ms", "most ms", "under ms", "")
    results.add_table(Table("Starting", columns, rows, f"python -m benchmarks.startup {rounds}"))


def _judged(found: float, most: float) -> str:
    return "reached" if found < most else "**missed**"


def _process(arguments: tuple[str, ...]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1e3


def _tests(app: Sequent) -> float:
    begin = time.perf_counter()
    for _ in range(TESTS):
        _test(app)
    return (time.perf_counter() - begin) * 1e3 / TESTS


def _test(app: Sequent) -> None:
    fixture = SequentFixture(app)
    id_ = app.new_uuid()
    fixture.when_command(AddPost(aggregate_id=id_, author="ben", title="Title", words=1))
    fixture.then_events(PostAdded, PostAuthorChanged, PostTitleChanged, PostWordsCounted)
    fixture.finish()


if __name__ == "__main__":
    main()
