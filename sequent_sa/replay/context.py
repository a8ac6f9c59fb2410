"""What a replay needs of its application, and how it says where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine

from sequent_sa.dialects import Dialect, ShadowTables
from sequent_sa.event_store.load import Load
from sequent_sa.exceptions import ReplayError
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.projector import Projector
from sequent_sa.replay.loader import Loader
from sequent_sa.replay.replay_state import ReplayRow

Projectors = Sequence[type[Projector]]
Report = Callable[[str], None]

GROUP_SIZE = 50_000
LOCK_TIMEOUT = 10.0


class ViewMigrations(Protocol):
    """The application's history of view tables."""

    @property
    def version_table(self) -> str:
        """Where the history keeps its revision."""
        ...

    def upgrade(self, connection: Connection) -> None:
        """Run the pending revisions in the transaction of `connection`, where the view schema may mean the twins."""
        ...


@dataclass(frozen=True)
class ReplayContext:
    """What a replay needs of its application.

    `workers` is the number of processes (None: as many as pay). They import the application by `import_name`
    (`module:attribute`); without it everything is done in this process. A group has about `group_size` events, all of
    whose rows a worker has in memory.
    """

    engine: Engine
    dialect: Dialect
    reader: Load
    type_names: TypeNames
    projectors: Projectors
    migrations: ViewMigrations
    lock_timeout: float = LOCK_TIMEOUT
    group_size: int = GROUP_SIZE
    workers: int | None = None
    import_name: str | None = None

    @property
    def twins(self) -> ShadowTables:
        """The tables that are filled."""
        return self.dialect.shadow_tables(self.engine, self.migrations.version_table)

    def loader(self, row: ReplayRow) -> Loader:
        """What fills them, for one replay. Raises `ReplayError` when this code has other versions of its projectors."""
        return Loader(self.engine, self.reader, self.type_names, self.twins, self.projectors_of(row), row.id)

    def projectors_of(self, row: ReplayRow) -> Projectors:
        """What is replayed. Raises `ReplayError` when this code has other versions of them."""
        known = {projector.__type_name__: projector for projector in self.projectors}
        found: list[type[Projector]] = []
        for name, version in row.projector_versions.items():
            projector = known.get(name)
            if projector is None or projector.version != version:
                has = "does not have it" if projector is None else f"has version {projector.version}"
                raise ReplayError(
                    f"the replay in progress is of {name} version {version}, but this code {has}: go on with the code "
                    "that began it, or end it with `sequent projectors replay abort`"
                )
            found.append(projector)
        return found
