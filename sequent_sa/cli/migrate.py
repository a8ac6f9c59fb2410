"""`sequent migrate`: a new version of an application goes live."""

from __future__ import annotations

import click

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


def _migration(finder: ApplicationFinder) -> Migration:
    return Migration(finder.application, finder.alembic_ini)
