"""What is stored: its types, its place, and what waits to be done."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Text, column, select, table

from sequent_sa.adoption import unknown_aggregates, unknown_events
from sequent_sa.application import Sequent
from sequent_sa.diagnosis.finding import Finding, error, ok, warning
from sequent_sa.exceptions import ConfigurationError, EventStoreError
from sequent_sa.tables import SCHEMA, aggregate_types, command_types, event_types

_MANY = 1_000


def check_types(app: Sequent) -> Iterator[Finding]:
    """Whether there is a class for everything that is stored, and a stored name for every class."""
    names = app.type_names
    with app.engine.connect() as connection:
        gone = unknown_events(connection, names)
        if gone:
            fix = f"import its module (packages=[...]), or alias it, or Sequent(retired_events=[{gone[0]!r}])"
            yield error("types", f"no class for stored events of {', '.join(gone)}", fix)
        gone = unknown_aggregates(connection, names)
        if gone:
            fix = "import its module (packages=[...]), or give the class that took its place this name or alias"
            yield error("types", f"no class for stored aggregates of {', '.join(gone)}", fix)
        registered = {
            name
            for types in (event_types, command_types, aggregate_types)
            for name in connection.scalars(select(types.c.type))
        }
    own = {*names.events.values(), *names.commands.values(), *names.aggregates.values()}
    new = sorted({names.name_of(each) for each in own} - registered)
    if new:
        yield warning("types", f"{len(new)} are not registered yet: {_some(new)}", "sequent types register")
    else:
        yield ok("types", "all are registered")


def check_pending(app: Sequent) -> Iterator[Finding]:
    """The snapshots that are wanted, and the partition keys that changed."""
    wanted = len(app.snapshots.outdated(limit=_MANY))
    if wanted:
        number = f"{wanted} or more" if wanted == _MANY else str(wanted)
        yield warning("snapshots", f"{number} aggregates need one", f"sequent snapshots take {wanted}")
    else:
        yield ok("snapshots", "none is wanted")
    pending = app.partitions.pending_keys()
    if pending:
        text = f"{pending} aggregates say another partition key than their events have"
        yield warning("partition keys", text, f"sequent aggregates update-partition-keys {pending}")
    else:
        yield ok("partition keys", "the events are where their aggregates say")


def check_partitions(app: Sequent) -> Iterator[Finding]:
    """Whether events with a partition key have no partition of their own."""
    try:
        found = app.partitions.found()
    except ConfigurationError as reason:
        yield ok("partitions", str(reason))
        return
    others = [each for each in found if each.lower is not None]
    (default,) = [each.name for each in found if each.lower is None]
    key_column = column("partition_key", Text)
    partition = table(default, key_column, schema=SCHEMA)
    first = select(key_column).select_from(partition).where(key_column > "").order_by(key_column).limit(1)
    with app.engine.connect() as connection:
        key = connection.scalar(first)
    if key is not None and others:
        text = f"events with the partition key {key!r} are in the default partition"
        yield warning("partitions", text, f"sequent aggregates partitions create {key}")
    else:
        yield ok("partitions", f"{len(others)} beside the default one")


def check_positions(app: Sequent) -> Iterator[Finding]:
    """Whether positions of readers mean something here: not after a restore that nobody told about."""
    try:
        app.event_log.position_mark()
    except EventStoreError as reason:
        yield error("positions", str(reason), "sequent db after-restore")
    else:
        yield ok("positions", "readers of events can read on")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
