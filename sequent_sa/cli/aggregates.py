"""`sequent aggregates`: what is stored of aggregates, and getting rid of it."""

from __future__ import annotations

from uuid import UUID

import click

from sequent_sa import database
from sequent_sa.application import Sequent
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.event_store.deletion import Deleted

_ids = click.argument("aggregate_ids", type=click.UUID, nargs=-1, required=True, metavar="AGGREGATE_ID...")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def aggregates() -> None:
    """Remove aggregates, and keep their events where they belong."""


@aggregates.command()
@_ids
@_yes
@pass_finder
def erase(finder: ApplicationFinder, aggregate_ids: tuple[UUID, ...], yes: bool) -> None:
    """Remove aggregates from everywhere: events, commands, what was kept of deleted events, view rows.

    This cannot be undone. The report says how many rows of which table are gone, and which commands of other aggregates
    were emptied.
    """
    app = _application(finder)
    _confirm(f"Erase {len(aggregate_ids)} aggregates from {_name(app)}, for ever?", yes)
    _report(app.erasure.erase(*aggregate_ids))


@aggregates.command()
@_ids
@_yes
@pass_finder
def delete(finder: ApplicationFinder, aggregate_ids: tuple[UUID, ...], yes: bool) -> None:
    """Remove the events of aggregates, and then their commands that no event is left of.

    View rows stay, and saved_event_records keeps a copy of every event: see `erase`.
    """
    app = _application(finder)
    _confirm(f"Delete the events of {len(aggregate_ids)} aggregates from {_name(app)}?", yes)
    with app.unit_of_work():
        deleted = app.erasure.permanently_delete_event_streams(*aggregate_ids)
        for aggregate_id in aggregate_ids:
            deleted.rows["commands"] += app.erasure.permanently_delete_commands_without_events(aggregate_id)
    _report(deleted)


def _application(finder: ApplicationFinder) -> Sequent:
    database.check_event_store(finder.application.engine)
    return finder.application


def _name(app: Sequent) -> str:
    return app.engine.url.database or "the database"


def _confirm(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question):
        raise click.ClickException("nothing was removed")


def _report(deleted: Deleted) -> None:
    for aggregate_id, name in deleted.aggregates.items():
        click.echo(f"removed {name} {aggregate_id}")
    for table, number in sorted(deleted.rows.items()):
        if number:
            click.echo(f"{number:8} {table}")
    for command_id in deleted.emptied_commands:
        click.echo(f"command {command_id} has events of other aggregates: it stays, without its attributes")
