"""How an upgrade is shown, its status and what it would do: as lines for people, and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sequent_sa.cli.replay_display import replay_lines
from sequent_sa.cli.replay_display import status_data as replay_data
from sequent_sa.exceptions import UnknownActiveProjector
from sequent_sa.migration.plans import MigrationPlan, MigrationStatus, PendingProjector


def status_lines(status: MigrationStatus) -> list[str]:
    """Where things stand, and what to type next."""
    lines: list[str] = []
    if status.replay is not None:
        lines += replay_lines(status.replay)
    else:
        lines += map(_pending, status.projectors)
    lines += [f"the view migration {revision} is pending" for revision in status.revisions]
    if status.unknown:
        lines.append(str(UnknownActiveProjector(status.unknown)))
    if status.next_step is not None and not (status.replay is not None and status.replay.at_work):
        lines.append(f"next: sequent migrate {status.next_step}")
    return lines or ["everything is up to date"]


def status_data(status: MigrationStatus) -> dict[str, Any]:
    """The same for programs."""
    return {
        "replay": status.replay and replay_data(status.replay),
        "projectors": [asdict(each) for each in status.projectors],
        "revisions": list(status.revisions),
        "unknown": list(status.unknown),
        "next": status.next_step,
    }


def plan_lines(plan: MigrationPlan) -> list[str]:
    """What would be done."""
    lines: list[str] = []
    if plan.event_store is not None:
        before, after = plan.event_store
        lines.append(f"the event store would be {'created' if before is None else f'brought from {before}'} at {after}")
    lines += [_projector(each) for each in plan.projectors]
    where = "on the copies of the tables" if plan.projectors else "on the tables"
    lines += [f"the view migration {revision} would run {where}" for revision in plan.revisions]
    if plan.steps:
        lines.append(f"steps: {', '.join(plan.steps)}; about {plan.events} events")
    return lines or ["nothing would be done"]


def plan_data(plan: MigrationPlan) -> dict[str, Any]:
    """The same for programs."""
    return {
        "event_store": plan.event_store and {"from": plan.event_store[0], "to": plan.event_store[1]},
        "projectors": [asdict(each) for each in plan.projectors],
        "revisions": list(plan.revisions),
        "events": plan.events,
        "steps": list(plan.steps),
    }


def _pending(pending: PendingProjector) -> str:
    line = f"{pending.name} version {pending.version} is not active"
    if pending.active_version is None:
        return line
    newer = ", which newer code has" if pending.active_version > pending.version else ""
    return f"{line}: version {pending.active_version} is{newer}"


def _projector(pending: PendingProjector) -> str:
    active = "not active" if pending.active_version is None else f"version {pending.active_version} is active"
    tables = ", ".join(pending.tables) or "no tables"
    return f"{pending.name} version {pending.version} would be replayed ({active}): {tables}"
