"""`sequent snapshots`: the state of long aggregates, kept so that not all of their events need be read."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.numbers import ANY_NUMBER, POSITIVE
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.snapshots import Snapshots


@click.group()
def snapshots() -> None:
    """Take and remove snapshots of aggregates."""


@snapshots.command()
@click.argument("limit", type=POSITIVE)
@click.option(
    "--forgotten-after",
    type=ANY_NUMBER,
    default=600,
    show_default=True,
    help="Seconds after which what another process began is taken up again.",
)
@json_option
@pass_finder
def take(finder: ApplicationFinder, limit: int, forgotten_after: int, as_json: bool) -> None:
    """Take at most LIMIT snapshots of aggregates that need one, for example from cron.

    Aggregates that cannot have one are listed, and the exit status is 1.

    Example: sequent snapshots take 100
    """
    found = _snapshots(finder).take(limit, forgotten_after=timedelta(seconds=forgotten_after))
    failed = {str(aggregate_id): str(error) for aggregate_id, error in found.failed}
    Report(as_json).say({"taken": list(found.taken), "failed": failed}, f"took {len(found.taken)} snapshots")
    for aggregate_id, error in failed.items():
        click.echo(f"{aggregate_id}: {error}", err=True)
    if failed:
        click.get_current_context().exit(1)


@snapshots.command("take-one")
@click.argument("aggregate_id", type=click.UUID)
@json_option
@pass_finder
def take_one(finder: ApplicationFinder, aggregate_id: UUID, as_json: bool) -> None:
    """Take a snapshot of one aggregate, whether it needs one or not.

    Example: sequent snapshots take-one 0198c0de-0000-7000-8000-000000000001
    """
    snapshot = _snapshots(finder).take_one(aggregate_id)
    after = snapshot.sequence_number - 1
    Report(as_json).say(
        {"aggregate_type": snapshot.aggregate_type, "aggregate_id": aggregate_id, "after_event": after},
        f"{snapshot.aggregate_type} {aggregate_id}: the state after event {after}",
    )


@snapshots.command("delete-all")
@json_option
@pass_finder
def delete_all(finder: ApplicationFinder, as_json: bool) -> None:
    """Remove all snapshots; no event is lost, and `take` makes them anew.

    Example: sequent snapshots delete-all
    """
    number = _snapshots(finder).delete_all()
    Report(as_json).say({"removed": number}, f"removed {number} snapshots")


@snapshots.command("delete-unknown")
@json_option
@pass_finder
def delete_unknown(finder: ApplicationFinder, as_json: bool) -> None:
    """Remove the snapshots of versions that no class has any more.

    Example: sequent snapshots delete-unknown
    """
    number = _snapshots(finder).delete_unknown()
    Report(as_json).say({"aggregates": number}, f"removed the snapshots of unknown versions of {number} aggregates")


def _snapshots(finder: ApplicationFinder) -> Snapshots:
    app = finder.application
    database.check_event_store(app.engine)
    return app.snapshots
