"""`sequent migrate`: a new version of an application goes live."""

from __future__ import annotations

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.migration import Migration


@click.group()
def migrate() -> None:
    """Take new view tables and new projector versions live."""


@migrate.command()
@pass_finder
def online(finder: ApplicationFinder) -> None:
    """Prepare while the application runs: migrate the event store, replay what is new or changed."""
    _migration(finder).online(click.echo)


@migrate.command()
@pass_finder
def offline(finder: ApplicationFinder) -> None:
    """Go live: replay what has happened since, swap the tables, activate the new versions."""
    _migration(finder).offline(click.echo)


@migrate.command()
@pass_finder
@click.pass_context
def status(context: click.Context, finder: ApplicationFinder) -> None:
    """Show what is pending; the exit status is 1 when something is."""
    found = _migration(finder).status()
    for line in found.lines:
        click.echo(line)
    if found.pending:
        context.exit(1)


@migrate.command("unique-keys")
@click.argument("types", nargs=-1, metavar="[AGGREGATE...]")
@click.option("--group-size", type=click.IntRange(1), default=100, show_default=True, help="Aggregates a transaction.")
@pass_finder
@click.pass_context
def unique_keys(context: click.Context, finder: ApplicationFinder, types: tuple[str, ...], group_size: int) -> None:
    """Store unique keys that the code computes in a new way, of all aggregates or of those of some classes.

    The application may run meanwhile, with the new code. Aggregates whose keys are taken keep those that they had; they
    are listed, and the exit status is 1.
    """
    app = finder.application
    database.check_event_store(app.engine)
    classes = [app.type_names.aggregate_class(name) for name in types]
    conflicts = app.refresh_unique_keys(
        *classes, group_size=group_size, progress=lambda done: click.echo(f"{done} aggregates")
    )
    for conflict in conflicts:
        click.echo(str(conflict), err=True)
    if conflicts:
        context.exit(1)
    click.echo("all unique keys are up to date")


def _migration(finder: ApplicationFinder) -> Migration:
    return Migration(finder.application, finder.alembic_ini)
