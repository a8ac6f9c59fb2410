"""Activating projectors without a replay."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, select

from sequent_sa import tables
from sequent_sa.dialects import Dialect
from sequent_sa.exceptions import ReplayError
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import ProjectorStates


def activate_projectors(
    connection: Connection, dialect: Dialect, type_names: TypeNames, projectors: Sequence[type[Projector]]
) -> None:
    """Let projectors project from now on. Raises `ReplayError` when events of their types exist already."""
    states = ProjectorStates(dialect)
    states.lock(connection)
    for projector in projectors:
        names = type_names.names_of(projector.handled_events())
        stored = select(tables.events.c.aggregate_id).join(
            tables.event_types, tables.event_types.c.id == tables.events.c.event_type_id
        )
        if connection.scalar(select(exists(stored.where(tables.event_types.c.type.in_(sorted(names)))))):
            raise ReplayError(
                f"{projector.__type_name__} cannot be activated without a replay, its events exist already: "
                "run `sequent migrate online` and `sequent migrate offline`"
            )
    states.register_active(connection, projectors)
