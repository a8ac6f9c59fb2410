"""What an application still lacks for an event store that another one has written: Sequent's, for example."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Engine, Table, exists, func, select

from sequent_sa.event_store.aggregate_events import SNAPSHOT_TYPE
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import by_projector, read_states
from sequent_sa.replay import replay_state
from sequent_sa.tables import aggregate_types, aggregates, event_types, events, snapshot_records


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the store that this application should know; `open` while it cannot work with it as it is."""

    text: str
    open: bool = True


class Adoption:
    """Compares the classes of an application with what is stored."""

    def __init__(self, engine: Engine, type_names: TypeNames, projectors: Sequence[type[Projector]]) -> None:
        self._engine = engine
        self._type_names = type_names
        self._projectors = projectors

    def findings(self) -> list[Finding]:
        """What is left to do, each with what to do about it, and what there is to know."""
        with self._engine.connect() as connection:
            return [*self._types(connection), *self._projections(connection), *self._snapshots(connection)]

    def _types(self, connection: Connection) -> Iterator[Finding]:
        unknown = unknown_events(connection, self._type_names)
        if unknown:
            yield Finding(
                f"no class for events of {', '.join(unknown)}: `class ...(Event, name={unknown[0]!r})`, "
                f"or `Sequent(retired_events=[{unknown[0]!r}])` for what means nothing any more"
            )
        unknown = unknown_aggregates(connection, self._type_names)
        if unknown:
            yield Finding(
                f"no class for aggregates of {', '.join(unknown)}: `class ...(AggregateRoot, name={unknown[0]!r})`"
            )

    def _projections(self, connection: Connection) -> Iterator[Finding]:
        replay = replay_state.in_progress(connection)
        if replay is not None:
            yield Finding(
                f"a replay of {', '.join(replay.projector_versions)} is in progress ({replay.state.value}): finish or "
                "abort it with the application that began it"
            )
        states = by_projector(read_states(connection), self._projectors)
        known = {projector.__type_name__ for projector in self._projectors}
        foreign = sorted(name for name, state in states.items() if state.active_version and name not in known)
        if foreign:
            yield Finding(
                f"projectors of another application are active: {', '.join(foreign)}. When it has stopped for good: "
                f"`sequent projectors deactivate {' '.join(foreign)}`"
            )

    def _snapshots(self, connection: Connection) -> Iterator[Finding]:
        foreign = select(func.count()).where(snapshot_records.c.snapshot_type != SNAPSHOT_TYPE)
        number = connection.scalar(foreign)
        if number:
            yield Finding(
                f"{number} snapshots can be read by another application only, and are not used: once that is gone, "
                "`sequent snapshots delete-all` removes them",
                open=False,
            )


def unknown_events(connection: Connection, names: TypeNames) -> list[str]:
    """The stored names of events for which an application has no class, and that it has not retired."""
    used = _used(connection, event_types, events.c.event_type_id)
    return [name for name in used if name not in names.events and name not in names.retired_events]


def unknown_aggregates(connection: Connection, names: TypeNames) -> list[str]:
    """The stored names of aggregates for which an application has no class."""
    used = _used(connection, aggregate_types, aggregates.c.aggregate_type_id)
    return [name for name in used if name not in names.aggregates]


def _used(connection: Connection, types: Table, refers: Column[int]) -> Collection[str]:
    # A registered type of which there is nothing needs no class.
    used = exists().where(refers == types.c.id)
    return connection.scalars(select(types.c.type).where(used).order_by(types.c.type)).all()
