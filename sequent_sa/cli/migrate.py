"""`sequent migrate`: a new version of an application goes live."""

from __future__ import annotations

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.migration_display import plan_data, plan_lines, status_data, status_lines
from sequent_sa.cli.numbers import POSITIVE
from sequent_sa.cli.replay import group_size_option, lock_timeout_option, workers_option
from sequent_sa.cli.replay_display import display
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.migration.migration import Migration
from sequent_sa.migration.plans import MigrationPlan
from sequent_sa.replay.context import GROUP_SIZE, LOCK_TIMEOUT


@click.group()
def migrate() -> None:
    """Take new view tables and new projector versions live."""


_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@migrate.command()
@_dry_run
@workers_option
@group_size_option
@json_option
@pass_finder
def online(finder: ApplicationFinder, dry_run: bool, workers: int | None, group_size: int, as_json: bool) -> None:
    """Prepare while the application runs: migrate the event store, replay what is new or changed.

    Example: sequent migrate online
    """
    migration = _migration(finder, workers, group_size)
    if dry_run:
        _show_plan(migration.online_plan(), as_json)
        return
    with display(as_json) as shown:
        migration.online(shown.report, shown.watch)


@migrate.command()
@_dry_run
@lock_timeout_option
@json_option
@pass_finder
def offline(finder: ApplicationFinder, dry_run: bool, lock_timeout: float, as_json: bool) -> None:
    """Go live: replay what has happened since, swap the tables, activate the new versions.

    Example: sequent migrate offline
    """
    migration = _migration(finder, lock_timeout=lock_timeout)
    if dry_run:
        _show_plan(migration.offline_plan(), as_json)
        return
    with display(as_json) as shown:
        migration.offline(shown.report, shown.watch)


@migrate.command()
@json_option
@pass_finder
@click.pass_context
def status(context: click.Context, finder: ApplicationFinder, as_json: bool) -> None:
    """Show where things stand and what to type next; the exit status is 1 when something is pending.

    Example: sequent migrate status
    """
    found = _migration(finder).status()
    Report(as_json).say({"status": status_data(found)}, "\n".join(status_lines(found)))
    if found.is_pending:
        context.exit(1)


@migrate.command("unique-keys")
@click.argument("types", nargs=-1, metavar="[AGGREGATE...]")
@click.option("--group-size", type=POSITIVE, default=100, show_default=True, help="Aggregates a transaction.")
@json_option
@pass_finder
@click.pass_context
def unique_keys(
    context: click.Context, finder: ApplicationFinder, types: tuple[str, ...], group_size: int, as_json: bool
) -> None:
    """Store unique keys that the code computes in a new way, of all aggregates or of those of some classes.

    The application may run meanwhile, with the new code. Aggregates whose keys are taken keep those that they had; they
    are listed, and the exit status is 1.

    Example: sequent migrate unique-keys Post
    """
    app, report = finder.application, Report(as_json)
    database.check_event_store(app.engine)
    classes = [app.type_names.aggregate_class(name) for name in types]
    conflicts = app.refresh_unique_keys(
        *classes,
        group_size=group_size,
        progress=lambda done: report.say({"aggregates": done}, f"{done} aggregates"),
    )
    if as_json:
        report.say({"conflicts": [str(conflict) for conflict in conflicts]})
    else:
        for conflict in conflicts:
            click.echo(str(conflict), err=True)
    if conflicts:
        context.exit(1)
    report.note("all unique keys are up to date")


def _show_plan(plan: MigrationPlan, as_json: bool) -> None:
    Report(as_json).say({"plan": plan_data(plan)}, "\n".join(plan_lines(plan)))


def _migration(
    finder: ApplicationFinder,
    workers: int | None = None,
    group_size: int = GROUP_SIZE,
    lock_timeout: float = LOCK_TIMEOUT,
) -> Migration:
    return Migration(
        finder.application,
        finder.alembic_ini,
        import_name=finder.import_name,
        workers=workers,
        group_size=group_size,
        lock_timeout=lock_timeout,
    )
