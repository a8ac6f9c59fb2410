"""A replay that keeps nothing: how fast it goes, and what goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sequent_sa.exceptions import ReplayError
from sequent_sa.replay import portions
from sequent_sa.replay.context import Projectors, ReplayContext, Report
from sequent_sa.replay.loader import Outcome
from sequent_sa.replay.meter import Meter, Progress, Watch
from sequent_sa.replay.rehearsing_loader import NO_REPLAY, RehearsingLoader


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it: how fast it went, the rows for each table, and the first error of each group that has one.

    An error has the keys `type`, `message` and `traceback`. `left_out` are the projectors that were not rehearsed.
    """

    progress: Progress
    rows: Mapping[str, int]
    errors: Sequence[Mapping[str, str]]
    left_out: Sequence[str]


def rehearse(context: ReplayContext, projectors: Projectors, report: Report, watch: Watch) -> Rehearsal:
    """Project all events that are stored now, and keep nothing: the database is only read.

    Projectors that are replayed by store are left out, since they work on tables. Raises `ReplayError` when none is
    left, or a worker process dies.
    """
    by_aggregate = [projector for projector in projectors if projector.replay_by == "aggregate"]
    left_out = [projector.__type_name__ for projector in projectors if projector not in by_aggregate]
    if not by_aggregate:
        raise ReplayError(
            f"{', '.join(left_out) or 'nothing'} cannot be rehearsed: what is replayed by store needs its tables. Take "
            "the steps of a replay until `optimize`, and then `sequent projectors replay abort`"
        )
    rows = Counter[str]()
    errors: list[Mapping[str, str]] = []

    def finished(outcome: Outcome) -> None:
        rows.update(outcome.rows)
        if outcome.error is not None:
            errors.append(outcome.error)

    loader = RehearsingLoader(
        context.engine, context.reader, context.type_names, context.twins, by_aggregate, NO_REPLAY
    )
    with context.engine.begin() as reading:
        mark = context.dialect.position_mark(reading)
        todo = portions.planned(context, loader, reading)
    meter = Meter(watch, "rehearse", events=sum(group.events for group in todo), groups=len(todo))
    portions.load(context, loader, todo, mark, None, meter, report, finished)
    return Rehearsal(meter.progress, rows, errors, left_out)
