"""`sequent snapshots`: the state of long aggregates, kept so that not all of their events need be read."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.snapshots import Snapshots


@click.group()
def snapshots() -> None:
    """Take and remove snapshots of aggregates."""


@snapshots.command()
@click.argument("limit", type=click.IntRange(1))
@click.option(
    "--forgotten-after",
    type=click.IntRange(0),
    default=600,
    show_default=True,
    help="Seconds after which what another process began is taken up again.",
)
@pass_finder
@click.pass_context
def take(context: click.Context, finder: ApplicationFinder, limit: int, forgotten_after: int) -> None:
    """Take at most LIMIT snapshots of aggregates that need one, for example from cron.

    Aggregates that cannot have one are listed, and the exit status is 1.
    """
    found = _snapshots(finder).take(limit, forgotten_after=timedelta(seconds=forgotten_after))
    click.echo(f"took {len(found.taken)} snapshots")
    for aggregate_id, error in found.failed:
        click.echo(f"{aggregate_id}: {error}", err=True)
    if found.failed:
        context.exit(1)


@snapshots.command("take-one")
@click.argument("aggregate_id", type=click.UUID)
@pass_finder
def take_one(finder: ApplicationFinder, aggregate_id: UUID) -> None:
    """Take a snapshot of one aggregate, whether it needs one or not."""
    snapshot = _snapshots(finder).take_one(aggregate_id)
    click.echo(f"{snapshot.aggregate_type} {aggregate_id}: the state after event {snapshot.sequence_number - 1}")


@snapshots.command("delete-all")
@pass_finder
def delete_all(finder: ApplicationFinder) -> None:
    """Remove all snapshots. No event is lost: `take` makes them anew."""
    click.echo(f"removed {_snapshots(finder).delete_all()} snapshots")


@snapshots.command("delete-unknown")
@pass_finder
def delete_unknown(finder: ApplicationFinder) -> None:
    """Remove the snapshots of versions that no class has any more."""
    click.echo(f"removed the snapshots of unknown versions of {_snapshots(finder).delete_unknown()} aggregates")


def _snapshots(finder: ApplicationFinder) -> Snapshots:
    app = finder.application
    database.check_event_store(app.engine)
    return app.snapshots
