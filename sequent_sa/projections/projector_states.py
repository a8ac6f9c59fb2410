"""Which version of each projector is active, activating or replaying."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, select, update

from sequent_sa import _clock
from sequent_sa.dialects import BoundStatement, Dialect, Statement
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.table_definitions import Definitions, changes, table_definitions
from sequent_sa.tables import projector_states

ProjectorTypes = Sequence[type[Projector]]
StateRows = Sequence[Sequence[Any]]
"""States as they are read: cheap to compare, where they are read for each command."""


@dataclass(frozen=True, slots=True)
class ProjectorState:
    """The versions of one projector, each None where there is none."""

    name: str
    active_version: int | None = None
    activating_version: int | None = None
    replaying_version: int | None = None


_columns = projector_states.c
_ALL_STATES = select(_columns.name, _columns.active_version, _columns.activating_version, _columns.replaying_version)
_FETCH_STATES = BoundStatement(Statement(_ALL_STATES))


def read_states(connection: Connection) -> dict[str, ProjectorState]:
    """All states by the projector's name. Who changes them waits until this transaction ends."""
    return {row.name: ProjectorState(*row) for row in connection.execute(_ALL_STATES)}


def fetch_states(transaction: Transaction) -> StateRows:
    """All states as rows, which a transaction that has written nothing yet does not hold on to."""
    return transaction.fetch(_FETCH_STATES)


def states_in(rows: StateRows) -> dict[str, ProjectorState]:
    """The states in these rows, by the projector's name."""
    return {str(name): ProjectorState(name, *versions) for name, *versions in rows}


def by_projector(
    states: Mapping[str, ProjectorState], projectors: Iterable[type[Projector]]
) -> dict[str, ProjectorState]:
    """The states by the present names of these projectors: what stands under an alias is the projector's too.

    While a renamed projector is replayed there are two rows, and the one with its old name is what is active.
    """
    found = dict(states)
    for projector in projectors:
        name = projector.__type_name__
        for alias in projector.__type_aliases__:
            older = found.pop(alias, None)
            own = found.get(name)
            if older is None or (own is not None and own.active_version is not None):
                continue
            replaying = own.replaying_version if own is not None else older.replaying_version
            found[name] = replace(older, name=name, replaying_version=replaying)
    return found


def unknown_projectors(states: Mapping[str, ProjectorState], projectors: Iterable[type[Projector]]) -> list[str]:
    """The names of what is active, or being activated, and is none of these projectors."""
    known = list(projectors)
    names = {projector.__type_name__ for projector in known}
    return sorted(
        name
        for name, state in by_projector(states, known).items()
        if name not in names and (state.active_version is not None or state.activating_version is not None)
    )


def changed_definitions(connection: Connection, projector: type[Projector]) -> Sequence[str]:
    """How the tables of a projector differ from those that the active version had; nothing when it is another one."""
    names = [projector.__type_name__, *projector.__type_aliases__]
    active = select(_columns.table_definitions).where(
        _columns.name.in_(names), _columns.active_version == projector.version
    )
    stored: Definitions | None = connection.scalar(active)
    return [] if stored is None else changes(stored, table_definitions(projector, connection.dialect))


def as_text(states: Mapping[str, ProjectorState]) -> str:
    """What is the same for the same states, as the database says it too: see `Dialect.check_projector_states`."""
    return ",".join(
        f"{name}:{_text(states[name].active_version)}:{_text(states[name].activating_version)}"
        for name in sorted(states)
    )


def _text(version: int | None) -> str:
    return "" if version is None else str(version)


class ProjectorStates:
    """Changes the states, in the caller's transaction, when no transaction that has read them is open any more."""

    def __init__(self, dialect: Dialect, lock_timeout: float = 10.0) -> None:
        self._dialect = dialect
        self._lock_timeout = lock_timeout

    def lock(self, connection: Connection) -> None:
        """Wait for the transactions that have read the states, and keep others from reading them."""
        self._dialect.lock_projector_states(connection, self._lock_timeout)

    def register_replaying(self, connection: Connection, projectors: ProjectorTypes) -> None:
        """Their replay begins; an active version stays active."""
        self._register(
            connection, {p.__type_name__: {"replaying_version": p.version} for p in projectors}, "active_version"
        )

    def register_activating(self, connection: Connection, projectors: ProjectorTypes) -> None:
        """They are being switched over."""
        self._register(
            connection, {p.__type_name__: {"activating_version": p.version} for p in projectors}, "active_version"
        )

    def register_active(self, connection: Connection, projectors: ProjectorTypes) -> None:
        """From now on the code with these versions projects, under its present name."""
        former = [alias for projector in projectors for alias in projector.__type_aliases__]
        self._register(connection, {p.__type_name__: {"active_version": p.version} for p in projectors})
        for projector in projectors:
            connection.execute(
                update(projector_states)
                .where(projector_states.c.name == projector.__type_name__)
                .values(table_definitions=table_definitions(projector, connection.dialect))
            )
        connection.execute(delete(projector_states).where(projector_states.c.name.in_(former)))

    def abort_replaying(self, connection: Connection, names: Collection[str]) -> None:
        """Forget replaying and activating versions; an active version stays active.

        A projector that was never active is unknown again, so that it is missed.
        """
        self._register(connection, {name: {} for name in names}, "active_version")
        columns = projector_states.c
        connection.execute(delete(projector_states).where(columns.name.in_(names), columns.active_version.is_(None)))

    def deactivate(self, connection: Connection, names: Collection[str]) -> None:
        """They get no events from now on; their tables stay as they are."""
        self._dialect.lock_projector_states(connection, self._lock_timeout)
        connection.execute(
            update(projector_states)
            .where(projector_states.c.name.in_(names))
            .values(active_version=None, activating_version=None, updated_at=_clock.now())
        )

    def _register(self, connection: Connection, versions: Mapping[str, Mapping[str, int]], *keep: str) -> None:
        if not versions:
            return
        self._dialect.lock_projector_states(connection, self._lock_timeout)
        empty: dict[str, int | None] = {"active_version": None, "activating_version": None, "replaying_version": None}
        now = _clock.now()
        rows = [
            {"name": name, **empty, **given, "created_at": now, "updated_at": now} for name, given in versions.items()
        ]
        changed = [column for column in (*empty, "updated_at") if column not in keep]
        connection.execute(self._dialect.upsert(projector_states, "name", update=changed), rows)
