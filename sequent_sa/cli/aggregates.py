"""`sequent aggregates`: what is stored of aggregates, and getting rid of it."""

from __future__ import annotations

from uuid import UUID

import click

from sequent_sa import database
from sequent_sa.application import Sequent
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.confirmation import confirm, confirmable
from sequent_sa.cli.numbers import POSITIVE
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.event_store.deletion import Deleted

_ids = click.argument("aggregate_ids", type=click.UUID, nargs=-1, required=True, metavar="AGGREGATE_ID...")


@click.group()
def aggregates() -> None:
    """Remove aggregates, and keep their events where they belong."""


@aggregates.command()
@_ids
@confirmable("erase")
@json_option
@pass_finder
def erase(
    finder: ApplicationFinder, aggregate_ids: tuple[UUID, ...], yes: bool, in_production: bool, as_json: bool
) -> None:
    """Remove aggregates from everywhere: events, commands, what was kept of deleted events, view rows.

    This cannot be undone. The report says how many rows of which table are gone, and which commands of other aggregates
    were emptied.

    Example: sequent aggregates erase 0198c0de-0000-7000-8000-000000000001
    """
    app = _application(finder)
    question = f"Erase {len(aggregate_ids)} aggregates from {_name(app)}, for ever?"
    confirm(finder, "erase", question, yes, in_production)
    _report(Report(as_json), app.erasure.erase(*aggregate_ids))


@aggregates.command()
@_ids
@confirmable("delete")
@json_option
@pass_finder
def delete(
    finder: ApplicationFinder, aggregate_ids: tuple[UUID, ...], yes: bool, in_production: bool, as_json: bool
) -> None:
    """Remove the events of aggregates, and then their commands that no event is left of.

    View rows stay, and saved_event_records keeps a copy of every event: see `erase`.

    Example: sequent aggregates delete 0198c0de-0000-7000-8000-000000000001
    """
    app = _application(finder)
    question = f"Delete the events of {len(aggregate_ids)} aggregates from {_name(app)}?"
    confirm(finder, "delete", question, yes, in_production)
    with app.unit_of_work():
        deleted = app.erasure.permanently_delete_event_streams(*aggregate_ids)
        for aggregate_id in aggregate_ids:
            deleted.rows["commands"] += app.erasure.permanently_delete_commands_without_events(aggregate_id)
    _report(Report(as_json), deleted)


@aggregates.command("update-partition-keys")
@click.argument("limit", type=POSITIVE)
@json_option
@pass_finder
def update_partition_keys(finder: ApplicationFinder, limit: int, as_json: bool) -> None:
    """Move the events of at most LIMIT aggregates to the partition keys that these say now.

    Example: sequent aggregates update-partition-keys 1000
    """
    app, report = _application(finder), Report(as_json)
    pending = app.partitions.pending_keys()
    report.say({"pending": pending}, f"{pending} aggregates say another partition key")
    moved = app.partitions.update_keys(limit)
    report.say({"moved": moved}, f"moved the events of {moved}")


@aggregates.group()
def partitions() -> None:
    """The partitions of the events, on PostgreSQL."""


@partitions.command("list")
@json_option
@pass_finder
def list_partitions(finder: ApplicationFinder, as_json: bool) -> None:
    """Show each partition, its keys, how many events it has, about, and its size in bytes.

    The default partition has all keys that no other one has. The number of events is the server's estimate; there is
    none before the table was analysed.

    Example: sequent aggregates partitions list
    """
    found = _application(finder).partitions.found()
    Report(as_json).table(
        [
            {"partition": each.name, "from": each.lower, "until": each.upper, "events": each.rows, "bytes": each.size}
            for each in found
        ]
    )


@partitions.command()
@click.argument("key")
@click.option("--until", metavar="KEY", help="Where the partition ends (default: after KEY itself).")
@click.option("--name", help="The table's name (default: made of the keys).")
@click.option("--group-size", type=POSITIVE, default=100, show_default=True, help="Aggregates a transaction.")
@pass_finder
def create(finder: ApplicationFinder, key: str, until: str | None, name: str | None, group_size: int) -> None:
    """Make a partition for the events with a partition key, and move those that are there, while the application runs.

    When it was interrupted, run it again.

    Example: sequent aggregates partitions create Y26
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


def _report(report: Report, deleted: Deleted) -> None:
    for aggregate_id, name in deleted.aggregates.items():
        report.say({"removed": aggregate_id, "aggregate_type": name}, f"removed {name} {aggregate_id}")
    for table, number in sorted(deleted.rows.items()):
        if number:
            report.say({"table": table, "rows": number}, f"{number:8} {table}")
    for command_id in deleted.emptied_commands:
        text = f"command {command_id} has events of other aggregates: it stays, without its attributes"
        report.say({"emptied_command": command_id}, text)
    if deleted.unmanaged:
        tables = list(deleted.unmanaged)
        report.say({"unmanaged": tables}, f"no projector manages {', '.join(tables)}: look there yourself")
