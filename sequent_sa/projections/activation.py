"""Activating projectors without a replay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, Table, exists, inspect, select

from sequent_sa import tables
from sequent_sa.dialects import Dialect
from sequent_sa.exceptions import ReplayError
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import ProjectorState, ProjectorStates, by_projector, read_states
from sequent_sa.projections.view_record import VIEW_SCHEMA


def missing_tables(connection: Connection, dialect: Dialect, projectors: Iterable[type[Projector]]) -> list[Table]:
    """The tables of these projectors that are not in the database."""
    there, elsewhere = dialect.view_tables(connection), inspect(connection)
    managed = [record_table(record).table for projector in projectors for record in projector.managed_tables or ()]
    return [
        table
        for table in managed
        if not (
            table.name in there if table.schema == VIEW_SCHEMA else elsewhere.has_table(table.name, schema=table.schema)
        )
    ]


def activate_projectors(
    connection: Connection,
    dialect: Dialect,
    type_names: TypeNames,
    projectors: Sequence[type[Projector]],
    *,
    new_tables: Collection[Table] = (),
) -> None:
    """Let projectors project from now on. Raises `ReplayError` when events of their types exist already.

    Those that do so already are left alone, unless one of their tables is among `new_tables`, which are empty.
    """
    states = ProjectorStates(dialect)
    states.lock(connection)
    known = by_projector(read_states(connection), projectors)
    waiting = [
        projector
        for projector in projectors
        if known.get(projector.__type_name__) != ProjectorState(projector.__type_name__, projector.version)
        or any(record_table(record).table in new_tables for record in projector.managed_tables or ())
    ]
    for projector in waiting:
        names = type_names.names_of(projector.handled_events())
        stored = select(tables.events.c.aggregate_id).join(
            tables.event_types, tables.event_types.c.id == tables.events.c.event_type_id
        )
        if connection.scalar(select(exists(stored.where(tables.event_types.c.type.in_(sorted(names)))))):
            raise ReplayError(
                f"{projector.__type_name__} cannot be activated without a replay, its events exist already: "
                "run `sequent migrate online` and `sequent migrate offline`"
            )
    states.register_active(connection, waiting)
