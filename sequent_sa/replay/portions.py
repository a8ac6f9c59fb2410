"""The store in portions, and who loads them: this process, or several."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from sequent_sa.replay import groups, workers
from sequent_sa.replay.context import Projectors, ReplayContext, Report
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loader import Loader, Outcome
from sequent_sa.replay.meter import Meter
from sequent_sa.replay.worker import Assignment

_GROUPS_A_WORKER = 8
# While processes start, one that need not do so has projected half of them (decision 0039).
_EVENTS_A_WORKER = 500_000
_CPUS = min(4, os.cpu_count() or 1)


def planned(context: ReplayContext, loader: Loader, reading: Connection) -> list[Group]:
    """What is to be loaded: the whole store, groups of whole aggregates, or both, as the projectors want it."""
    found: list[Group] = []
    if by_store := loader.by("store"):
        found.append(groups.whole_store(context.dialect, reading, loader.event_names(by_store)))
    if by_aggregate := loader.by("aggregate"):
        found += groups.planned(
            context.dialect,
            reading,
            loader.event_names(by_aggregate),
            context.group_size,
            _GROUPS_A_WORKER * (context.workers or _CPUS),
        )
    return found


def estimated(context: ReplayContext, projectors: Projectors) -> int:
    """About how many events a replay of these projectors loads."""
    types = [event_type for projector in projectors for event_type in projector.handled_events()]
    with context.engine.begin() as reading:
        return groups.whole_store(context.dialect, reading, sorted(context.type_names.names_of(types))).events


def load(
    context: ReplayContext,
    loader: Loader,
    todo: Sequence[Group],
    mark: str,
    replay_id: int | None,
    meter: Meter,
    report: Report,
    finished: Callable[[Outcome], object] = lambda _outcome: None,
) -> None:
    """Load groups, in several processes where that pays and can be done. `replay_id` is None in a rehearsal."""
    number = context.workers or _fitting(sum(group.events for group in todo))
    if number > 1 and context.import_name is None:
        report("one process does it all: others could not import an application without `module:attribute`")
    if number > 1 and context.import_name is not None and len(todo) > 1:
        assignment = _assignment(context, context.import_name, loader, mark, replay_id)
        workers.load(todo, assignment, number, meter, finished)
        return
    for group in todo:
        meter.start(1, group)
        outcome = loader.load(group, mark, lambda events: meter.advance(1, events))
        meter.finish(1)
        finished(outcome)


def _assignment(
    context: ReplayContext, import_name: str, loader: Loader, mark: str, replay_id: int | None
) -> Assignment:
    url = context.engine.url.render_as_string(hide_password=False)
    names = [projector.__type_name__ for projector in loader.projectors]
    return Assignment(import_name, url, context.migrations.version_table, names, replay_id, mark)


def _fitting(events: int) -> int:
    """So many processes that it is worth starting each of them."""
    return max(1, min(_CPUS, events // _EVENTS_A_WORKER))
