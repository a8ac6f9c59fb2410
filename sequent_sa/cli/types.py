"""`sequent types`: the names under which classes are stored."""

from __future__ import annotations

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder


@click.group()
def types() -> None:
    """The names of commands, aggregates and events in the database."""


@types.command()
@pass_finder
def register(finder: ApplicationFinder) -> None:
    """Store the names of all classes of the application, before the first of each is used.

    Done with every deployment, nobody has to wait for another who uses a new type at the same moment.
    """
    app = finder.application
    database.check_event_store(app.engine)
    click.echo(f"{app.register_types()} types were new")
