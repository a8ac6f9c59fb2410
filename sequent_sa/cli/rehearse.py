"""`sequent projectors replay rehearse`: how long a replay takes and what goes wrong, without keeping anything."""

from __future__ import annotations

import click

from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.replay import (
    group_size_option,
    named,
    names_argument,
    replay_context,
    workers_option,
)
from sequent_sa.cli.replay_display import display
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.replay import rehearsal
from sequent_sa.replay.rehearsal import Rehearsal

_MOST_ERRORS = 10


@click.command()
@names_argument
@workers_option
@group_size_option
@json_option
@pass_finder
@click.pass_context
def rehearse(
    context: click.Context,
    finder: ApplicationFinder,
    names: tuple[str, ...],
    workers: int | None,
    group_size: int,
    as_json: bool,
) -> None:
    """Project all events that are stored now and keep nothing; the exit status is 1 when something goes wrong.

    The database is only read, so there is nothing to clean up, whenever it ends, and a replay may be in progress.
    Projectors that are replayed by store are left out.

    Example: sequent projectors replay rehearse
    """
    replaying = replay_context(finder, workers, group_size)
    shown = display(as_json)
    with shown:
        done = rehearsal.rehearse(replaying, named(replaying, names), shown.report, shown.watch)
    if as_json:
        Report(as_json).say({"rehearsal": _data(done)})
    else:
        _print(done)
    if done.errors:
        context.exit(1)


def _print(done: Rehearsal) -> None:
    made = done.progress
    click.echo(f"rehearsed {made.done} events in {made.seconds:.1f} s ({made.events_a_second:,.0f} a second)")
    for table, number in sorted(done.rows.items()):
        click.echo(f"{table}: {number} rows")
    for name in done.left_out:
        click.echo(f"{name} was left out: what is replayed by store needs its tables")
    for error in done.errors[:_MOST_ERRORS]:
        click.echo(f"{error['type'].rpartition('.')[2]}: {' '.join(error['message'].split())}", err=True)
    if done.errors:
        click.echo(f"{len(done.errors)} of {made.groups} groups of aggregates failed", err=True)


def _data(done: Rehearsal) -> dict[str, object]:
    return {
        "events": done.progress.done,
        "seconds": round(done.progress.seconds, 3),
        "events_a_second": round(done.progress.events_a_second),
        "rows": dict(done.rows),
        "errors": [dict(error) for error in done.errors],
        "left_out": list(done.left_out),
    }
