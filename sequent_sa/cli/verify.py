"""`sequent projectors verify`: whether the view tables hold what the events say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.numbers import ANY_NUMBER
from sequent_sa.cli.replay import group_size_option, named, names_argument, workers_option
from sequent_sa.cli.replay_display import display
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.migration.migration import Migration
from sequent_sa.replay.drift import Difference


@click.command()
@names_argument
@click.option("--limit", type=ANY_NUMBER, default=100, show_default=True, help="Differences to print.")
@workers_option
@group_size_option
@json_option
@pass_finder
@click.pass_context
def verify(
    context: click.Context,
    finder: ApplicationFinder,
    names: tuple[str, ...],
    limit: int,
    workers: int | None,
    group_size: int,
    as_json: bool,
) -> None:
    """Replay projectors aside, and report the rows in which the live tables differ; the exit status is 1 then.

    The application may run meanwhile, and its tables stay as they are. A row that differs was changed by hand, or comes
    from a projector that makes something else of the same events each time, or from a version with a mistake.

    Example: sequent projectors verify PostProjector
    """
    migration = Migration(
        finder.application,
        finder.alembic_ini,
        import_name=finder.import_name,
        workers=workers,
        group_size=group_size,
    )
    report = Report(as_json)
    printed = _Printer(limit, report)
    with display(as_json, on_stderr=True) as shown:
        number = migration.verify(named(migration.context, names), printed, shown.report, shown.watch)
    if as_json:
        report.say({"differences": number})
    elif number > limit:
        report.note(f"... and {number - limit} more")
    if number:
        click.echo(f"{number} rows differ from what the events say", err=True)
        context.exit(1)
    report.note("the tables hold what the events say")


class _Printer:
    def __init__(self, limit: int, report: Report) -> None:
        self._left = limit
        self._report = report

    def __call__(self, difference: Difference) -> None:
        if self._left:
            self._left -= 1
            self._report.say({"difference": difference._asdict()}, _as_line(difference))


def _as_line(difference: Difference) -> str:
    key = ", ".join(f"{name}={value}" for name, value in difference.key.items())
    where = f"{difference.table} {key}".strip()
    live, replayed = difference.live, difference.replayed
    if live is None or replayed is None:
        row: Mapping[str, Any] = live or replayed or {}
        only = "is only in the live table" if replayed is None else "is missing in the live table"
        return f"{where} {only}: " + ", ".join(f"{name}={value!r}" for name, value in row.items())
    changed = [name for name in live if live[name] != replayed[name]]
    return f"{where}: " + "; ".join(f"{name} is {live[name]!r}, a replay gives {replayed[name]!r}" for name in changed)
