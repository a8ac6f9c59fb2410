"""Interleaved rounds: every subject has its turn in each, the first one another time each round."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from benchmarks.harness.figures import Figures, Round, figures

T = TypeVar("T")


def interleaved(subjects: Mapping[str, Callable[[], Round]], rounds: int) -> dict[str, Figures]:
    """The figures of each subject, by its name. A round before the first is for warming up."""
    names = list(subjects)
    found: dict[str, list[Round]] = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            measured = subjects[name]()
            if number:
                found[name].append(measured)
    return {name: figures(each) for name, each in found.items()}


def timed(work: Callable[[T], object], pieces: Iterable[T]) -> Round:
    """One round: the work on each of the pieces, one after the other."""
    latencies: list[float] = []
    gc.collect()
    begin = before = time.perf_counter()
    for piece in pieces:
        work(piece)
        now = time.perf_counter()
        latencies.append(now - before)
        before = now
    return Round(len(latencies), before - begin, latencies)
