"""What is kept of many rounds: a median, how far it varied, and percentiles of single pieces of work."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """One round of one subject: how many pieces of work, in how many seconds, and how long single ones took."""

    pieces: int
    seconds: float
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        """Pieces a second."""
        return self.pieces / self.seconds


@dataclass(frozen=True)
class Figures:
    """What all rounds of one subject gave. Rates are pieces of work a second, percentiles microseconds for one."""

    rates: tuple[float, ...]
    pieces: int
    percentiles: dict[str, float]

    @property
    def median(self) -> float:
        """The rate of the middle round."""
        return statistics.median(self.rates)

    @property
    def spread(self) -> float:
        """How far the middle half of the rounds lies apart, as a part of the median."""
        if len(self.rates) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.rates, n=4, method="inclusive")
        return (high - low) / self.median

    def ratio_to(self, other: Figures) -> float:
        """How many times as fast as another: the median of the ratios within each round, since the machine drifts."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True))


def figures(rounds: Sequence[Round]) -> Figures:
    """What the rounds gave together."""
    latencies = sorted(latency for each in rounds for latency in each.latencies)
    return Figures(
        rates=tuple(each.rate for each in rounds),
        pieces=sum(each.pieces for each in rounds),
        percentiles={f"p{percent}": _percentile(latencies, percent) * 1e6 for percent in (50, 95, 99) if latencies},
    )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
