"""What is to be reached: ratios within one interleaved run, and whether they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.harness.results import LIMIT, PEER, PEER_WITH_FUNCTIONS, Results


class Target(NamedTuple):
    """Ours at least `must` times as fast as a rival, better `stretch` times."""

    workload: str
    database: str
    rival: str
    must: float
    stretch: float | None = None


TARGETS = (
    Target("W1", "postgresql", LIMIT, 0.65, 0.80),
    Target("W1", "postgresql", PEER, 2.5),
    Target("W1", "postgresql", PEER_WITH_FUNCTIONS, 1.4),
    Target("W1", "sqlite", LIMIT, 0.5),
    Target("W1", "sqlite", PEER, 1.0),
    Target("W2", "postgresql", LIMIT, 0.65, 0.80),
    Target("W2", "postgresql", PEER, 2.5),
    Target("W2", "postgresql", PEER_WITH_FUNCTIONS, 1.7),
    Target("W2, 4 clients", "postgresql", LIMIT, 0.65, 0.80),
    Target("W2, 4 clients", "postgresql", PEER, 2.9),
    Target("W2, 4 clients", "postgresql", PEER_WITH_FUNCTIONS, 2.0),
    Target("W3, 100 events", "postgresql", LIMIT, 0.50, 0.75),
    Target("W3, 100 events", "postgresql", PEER, 5.0),
    Target("W3, 1,000 events", "postgresql", LIMIT, 0.50, 0.75),
    Target("W3, 1,000 events", "postgresql", PEER, 5.0),
    Target("W4", "postgresql", LIMIT, 0.60, 0.80),
    Target("W4", "postgresql", PEER, 2.3),
    Target("W4", "sqlite", LIMIT, 0.5),
    Target("W4", "sqlite", PEER, 1.0),
    Target("W5", "postgresql", LIMIT, 0.45, 0.70),
    Target("W5", "postgresql", "eventsourcing, its runner", 80.0),
    Target("W5", "postgresql", "eventsourcing, its reader by hand", 1.5),
    Target("W5, 2 processes", "postgresql", LIMIT, 0.40, 0.60),
    Target("W5, 2 processes", "postgresql", "sequent_sa, 1 process", 1.7),
    Target("W6", "", LIMIT, 0.35, 0.80),
    Target("W6", "", PEER, 3.3),
    Target("W6", "", "marshmallow and msgspec's JSON", 8.0),
)


def judged(results: Results) -> Iterator[tuple[Target, float | None, str]]:
    """Each target with the ratio that was found, and a word for it."""
    for target in TARGETS:
        result = results.get(target.workload, target.database)
        ratio = result.ratio(target.rival) if result is not None else None
        yield target, ratio, _word(target, ratio)


def _word(target: Target, ratio: float | None) -> str:
    if ratio is None:
        return "not measured"
    if ratio < target.must:
        return "**missed**"
    return "reached" if target.stretch is None or ratio < target.stretch else "stretch reached"
