"""`sequent db`: the database of an application."""

from __future__ import annotations

import click

from sequent_sa import database
from sequent_sa.adoption import Adoption
from sequent_sa.application import Sequent
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.confirmation import confirm, confirmable
from sequent_sa.cli.reporting import Report, json_option


@click.group()
def db() -> None:
    """Create, migrate and drop the database."""


@db.command()
@pass_finder
def create(finder: ApplicationFinder) -> None:
    """Create the database, if there is none, and its event store.

    Example: sequent db create
    """
    app = finder.application
    created = database.create_database(_url(app))
    database.create_event_store(app.engine)
    if created:
        click.echo(f"Created the database {_name(app)} with its event store.")
    else:
        click.echo(f"The database {_name(app)} already exists; its event store is up to date.")


@db.command()
@confirmable("drop")
@pass_finder
def drop(finder: ApplicationFinder, yes: bool, in_production: bool) -> None:
    """Remove the database and everything in it.

    Example: sequent db drop
    """
    app = finder.application
    confirm(finder, "drop", f"Remove the database {_name(app)} with all of its events?", yes, in_production)
    app.engine.dispose()
    if database.drop_database(_url(app)):
        click.echo(f"Removed the database {_name(app)}.")
    else:
        click.echo(f"There is no database {_name(app)}.")


@db.command("create-event-store")
@pass_finder
def create_event_store(finder: ApplicationFinder) -> None:
    """Create the event store in a database that exists, or bring it up to date.

    Example: sequent db create-event-store
    """
    app = finder.application
    database.create_event_store(app.engine)
    click.echo(f"The event store of {_name(app)} is up to date.")


@db.command()
@json_option
@pass_finder
def adopt(finder: ApplicationFinder, as_json: bool) -> None:
    """Take over the event store of an application that runs on Sequent 9, and show what is left to do.

    What is stored stays as it is. May be run again; the exit status is 1 while something is left to do.

    Example: sequent db adopt
    """
    app, report = finder.application, Report(as_json)
    database.adopt_event_store(app.engine)
    report.note(f"The event store of {_name(app)} is up to date, with what it had.")
    findings = Adoption(app.engine, app.type_names, app.projectors).findings()
    for finding in findings:
        report.say({"finding": finding.text, "open": finding.open}, finding.text)
    if any(finding.open for finding in findings):
        click.get_current_context().exit(1)
    report.note("next: `sequent migrate online` and `sequent migrate offline` fill the view tables")


@db.command("create-view-schema")
@pass_finder
def create_view_schema(finder: ApplicationFinder) -> None:
    """Create the schema of the view tables; the event store comes first.

    Example: sequent db create-view-schema
    """
    app = finder.application
    database.check_event_store(app.engine)
    database.create_view_schema(app.engine)
    click.echo(f"The view schema of {_name(app)} is there.")


@db.command()
@pass_finder
def migrate(finder: ApplicationFinder) -> None:
    """Bring the event store and the view tables up to date, without a replay.

    Use `sequent migrate online` and `offline` when a projector has changed.

    Example: sequent db migrate
    """
    app = finder.application
    database.upgrade_event_store(app.engine)
    click.echo(f"The event store of {_name(app)} is up to date.")
    if finder.alembic_ini is None:
        click.echo(f"There is no {finder.configuration.view_migrations}: no view tables to migrate.")
        return
    database.create_view_schema(app.engine)
    database.upgrade_views(app.engine, finder.alembic_ini)
    click.echo("The view tables are up to date.")


@db.command("after-restore")
@pass_finder
def after_restore(finder: ApplicationFinder) -> None:
    """Say that the database was restored from a dump or copied, before anything reads on from a position.

    Example: sequent db after-restore
    """
    app = finder.application
    database.check_event_store(app.engine)
    app.event_log.after_restore()
    click.echo(f"The events in {_name(app)} count as committed before everything that comes.")


def _url(app: Sequent) -> str:
    return app.engine.url.render_as_string(hide_password=False)


def _name(app: Sequent) -> str:
    return app.engine.url.database or "in memory"
