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


@aggregates.command("update-partition-keys")
@click.argument("limit", type=click.IntRange(1))
@pass_finder
def update_partition_keys(finder: ApplicationFinder, limit: int) -> None:
    """Move the events of at most LIMIT aggregates to the partition keys that these say now."""
    app = _application(finder)
    click.echo(f"{app.partitions.pending_keys()} aggregates say another partition key")
    click.echo(f"moved the events of {app.partitions.update_keys(limit)}")


@aggregates.group()
def partitions() -> None:
    """The partitions of the events, on PostgreSQL."""


@partitions.command("list")
@pass_finder
def list_partitions(finder: ApplicationFinder) -> None:
    """Show each partition, its keys, how many events it has, about, and its size."""
    for each in _application(finder).partitions.found():
        keys = "all other keys" if each.lower is None else f"from {each.lower!r} until {each.upper!r}"
        rows = "not analysed" if each.rows is None else f"{each.rows} events"
        click.echo(f"{each.name}  {keys}  {rows}  {each.size // 1024} kB")


@partitions.command()
@click.argument("key")
@click.option("--until", metavar="KEY", help="Where the partition ends (default: after KEY itself).")
@click.option("--name", help="The table's name (default: made of the keys).")
@click.option("--group-size", type=click.IntRange(1), default=100, show_default=True, help="Aggregates a transaction.")
@pass_finder
def create(finder: ApplicationFinder, key: str, until: str | None, name: str | None, group_size: int) -> None:
    """Make a partition for the events with a partition key, and move those that are there, while the application runs.

    When it was interrupted, run it again.
    """
    made = _application(finder).partitions.create(
        key, until, name=name, group_size=group_size, progress=lambda done: click.echo(f"{done} aggregates")
    )
    click.echo(f"made {made.name}")


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
    if deleted.unmanaged:
        click.echo(f"no projector manages {', '.join(deleted.unmanaged)}: look there yourself")
