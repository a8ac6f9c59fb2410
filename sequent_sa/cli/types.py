"""`sequent types`: the names under which classes are stored."""

from __future__ import annotations

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.reporting import Report, json_option


@click.group()
def types() -> None:
    """The names of commands, aggregates and events in the database."""


@types.command()
@json_option
@pass_finder
def register(finder: ApplicationFinder, as_json: bool) -> None:
    """Store the names of all classes of the application, before the first of each is used.

    Done with every deployment, nobody has to wait for another who uses a new type at the same moment.

    Example: sequent types register
    """
    app = finder.application
    database.check_event_store(app.engine)
    number = app.register_types()
    Report(as_json).say({"registered": number}, f"{number} types were new")
