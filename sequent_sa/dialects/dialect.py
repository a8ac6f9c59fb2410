"""What the rest of the package asks of a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Executable, FromClause, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from sequent_sa.dialects.driver_transaction import DriverTransaction, PartOfTransaction
from sequent_sa.dialects.partitions import Partitions
from sequent_sa.dialects.statement import BoundStatement

Insert = postgresql.Insert | sqlite.Insert
"""An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""


TYPE_COLUMNS = ("command_type_id", "aggregate_type_id", "event_type_id")
"""Where rows refer to the names of types."""


class FailureKind(Enum):
    """What a database error means to the event store."""

    EVENT_EXISTS = auto()
    SEQUENCE_GAP = auto()
    PROJECTORS_CHANGED = auto()
    UNIQUE_KEY_TAKEN = auto()
    LOCK_TIMEOUT = auto()
    TRANSACTION_LOST = auto()  # deadlock or serialization failure: the same work may succeed when done again
    WRONG_ISOLATION = auto()
    READ_ONLY = auto()
    CANCELED = auto()
    NO_RESOURCES = auto()  # no space, no memory, or a disk that fails: whoever asked has no part in it
    OWN_FAULT = auto()  # damaged data, or a mistake of the database's own: nor has he in that
    TABLE_MISSING = auto()
    COLUMN_MISSING = auto()
    TYPE_MISSING = auto()  # no id for the name of a type: it is not stored any more
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """A database error, understood: its kind, and the table whose constraint was violated where that is known."""

    kind: FailureKind
    table: str | None = None


class EventRow(NamedTuple):
    """An event as it is stored, but for its aggregate and command."""

    sequence_number: int
    created_at: datetime
    type: str
    data: str


EventsOfAggregate = tuple[UUID, Sequence[tuple[int, datetime, int, Any]]]
"""Events when very many are read: the aggregate, and of each its number, moment in UTC, id of its type, and JSON.

The JSON is text, or bytes, or what msgspec leaves unread.
"""


Doing = Callable[[str, int, int], object]
"""Gets what is done now, how many parts of a step are done already, and how many there are."""


class ShadowTables(Protocol):
    """The empty twins of view tables that a replay fills while the application keeps using the real ones."""

    def prepare(self, names: Collection[str], others: Collection[str], *, dependents: bool) -> Sequence[str]:
        """Make an empty twin of each of these tables that exists, and a place for the progress of the replay.

        Returns what others who read these tables must know or do, in sentences.

        Raises `ReplayError` for what a twin cannot have, and when a twin would be needed of one of the `others`. What
        depends on a table and would break is refused, unless `dependents` says that somebody will look after it.
        """
        ...

    def migrating(self, keep: Collection[str] = ()) -> AbstractContextManager[Connection]:
        """A transaction in which the view schema means the twins: for pending view migrations.

        At its end go the indexes that only slow down loading, except those whose names match one of the patterns in
        `keep`. Raises `ReplayError` when a table was changed that has no twin.
        """
        ...

    def loading(self) -> AbstractContextManager[Connection]:
        """A transaction in which view tables mean the twins, and `replay_groups` what was loaded into them."""
        ...

    def looking(self) -> AbstractContextManager[Connection]:
        """Like `loading`, for reading only, while others load."""
        ...

    def optimize(self, doing: Doing) -> None:
        """Bring back what loading did without, and refresh the statistics; says what it does before it does it."""
        ...

    def going_live(self, lock_timeout: float) -> AbstractContextManager[Connection]:
        """The one transaction that swaps, on the live database, with everybody who writes view tables kept out.

        Raises `LockTimeout` when the locks cannot be had within `lock_timeout` seconds.
        """
        ...

    def comparing(self) -> AbstractContextManager[Connection]:
        """A transaction on the live database that sees one moment, and keeps nobody out."""
        ...

    def loading_while_going_live(self, live: Connection) -> AbstractContextManager[Connection]:
        """Like `loading`, inside `going_live` or `comparing`."""
        ...

    def beside(self, live: Connection) -> AbstractContextManager[Connection]:
        """Inside `comparing`: the live tables and the twins are in the schemas that `places` names."""
        ...

    @property
    def places(self) -> tuple[str, str]:
        """The schemas of the live tables and of the twins, inside `beside`."""
        ...

    def comparable(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column as something of which the database knows whether it is equal."""
        ...

    def swap(
        self, live: Connection, migrate: Callable[[Connection], object], swapped: Callable[[Connection], object]
    ) -> None:
        """Inside `going_live`: what is in the twins takes the place of what is in the live tables.

        `migrate` runs the pending view migrations, for databases where the live tables themselves stay; `swapped` is
        called when the rows are in their place. Raises `ReplayError` when something else depends on what was replaced,
        and `LockTimeout` when readers leave no moment for it, soon, since writers wait meanwhile.
        """
        ...

    def discard(self) -> None:
        """Remove the twins and whatever an interrupted replay left of them; after `swap`, what is left to check."""
        ...


def managed_by_others(names: Sequence[str]) -> str:
    """What is said when a replay would rebuild tables of projectors that are not replayed."""
    return f"{', '.join(names)} would be rebuilt as well, but another projector manages it: replay both together"


def stand_ins_changed(names: Sequence[str]) -> str:
    """What is said when pending migrations change tables that have no twins."""
    return (
        f"the pending view migrations change {', '.join(names)}, which is not replayed. Together with a replay they "
        "can change only tables that are replayed; raise the version of the projector that manages the table, or take "
        "the other migration live on its own first"
    )


class Dialect(Protocol):
    """One database. Every method that returns a statement leaves running it to the caller."""

    name: str

    def configure(self, engine: Engine) -> Engine:
        """Return the engine on which the application runs: connections set up, schemas where this database has them.

        Raises `ConfigurationError` when connecting, for a setting under which the store is not correct.
        """
        ...

    def writing(self, engine: Engine) -> Connection:
        """A connection whose transaction will write. It begins with the first statement."""
        ...

    def transaction(self, engine: Engine, *, writing: bool) -> DriverTransaction:
        """A transaction of its own that is talked to through the driver."""
        ...

    def read_only_transaction(self, engine: Engine) -> DriverTransaction:
        """One that the database refuses to write in."""
        ...

    def reading(self, engine: Engine) -> Engine:
        """The engine with transactions that the database refuses to write in."""
        ...

    def part_of(self, connection: Connection) -> PartOfTransaction:
        """The transaction of a connection, which somebody else ends."""
        ...

    def savepoint(self, connection: Connection) -> PartOfTransaction:
        """A savepoint in the transaction of a connection, which somebody else ends."""
        ...

    def identity(self, connection: Connection) -> str:
        """What two connections to one database have in common, and no others."""
        ...

    def check_joinable(self, connection: Connection) -> None:
        """Raise `ConfigurationError` when nobody can take part in the transactions of a connection."""
        ...

    def create_schemas(self, connection: Connection, names: Sequence[str]) -> None:
        """Create the schemas that do not exist yet, where this database has schemas."""
        ...

    def failure(self, error: DBAPIError) -> Failure:
        """What an error means."""
        ...

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows this database's `on_conflict_do_nothing`."""
        ...

    def insert_or_ignore(self, table: Table, *key: str) -> Executable:
        """An INSERT that does nothing when a row with this key exists."""
        ...

    def upsert(self, table: Table, *key: str, update: Sequence[str]) -> Executable:
        """An INSERT that changes the columns in `update` when a row with this key exists."""
        ...

    def insert_events(self, aggregate_id: UUID, rows: Sequence[EventRow]) -> BoundStatement:
        """Store events of one aggregate, under the partition key that it has, as those of the latest command."""
        ...

    def is_one(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        """Whether a column has the id that the parameter `aggregate_id` names, with one plan for whichever that is."""
        ...

    def among(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        """Whether a column has one of the ids that the statement's parameters name, however many these are."""
        ...

    def ids(self, aggregate_ids: Sequence[UUID]) -> Mapping[str, object]:
        """The parameters for `among`."""
        ...

    def lock_aggregates(self, aggregate_ids: Sequence[UUID]) -> BoundStatement | None:
        """Keep other writers away from these aggregates until the transaction ends; None where nothing is needed."""
        ...

    def check_version(self, aggregate_id: UUID, version: int, *, appending: bool) -> BoundStatement | None:
        """Fail unless the latest stored event has this number, and keep other writers away until the transaction ends.

        None where there are none, and what is appended is checked anyway.
        """
        ...

    def check_projector_states(self, states: str) -> BoundStatement | None:
        """Fail unless the states of the projectors are these, and keep them until the transaction ends.

        None where a transaction that writes keeps them from its beginning.
        """
        ...

    def current_command_id(self) -> ColumnElement[int]:
        """The id of the command that this transaction inserted last."""
        ...

    def lock_projector_states(self, connection: Connection, seconds: float) -> None:
        """Wait for every transaction that read the projector states, and keep others from reading them.

        Raises `LockTimeout`.
        """
        ...

    def exclude_replays(self, connection: Connection) -> None:
        """Let no replay begin until the transaction ends. Raises `LockTimeout`."""
        ...

    def replaying(self, engine: Engine, seconds: float) -> AbstractContextManager[bool]:
        """Keep other processes from working on a replay until the block ends, or this process dies.

        False when another one does so and goes on for longer than `seconds`.
        """
        ...

    def forget_ended_replays(self, connection: Connection) -> None:
        """Remove the twins that a replay left behind when it was killed at its end. None may be in progress."""
        ...

    def overwrite_deleted(self, connection: Connection) -> None:
        """Overwrite what this transaction deletes, where a database can be told to."""
        ...

    def forget_deleted(self, engine: Engine) -> None:
        """Remove what was deleted from the database's log, where that can be done."""
        ...

    def doubtful_settings(self, connection: Connection) -> Iterable[str]:
        """Settings of the server or the file under which the store is less safe than it should be, as sentences."""
        ...

    def view_tables(self, connection: Connection) -> Collection[str]:
        """The names of the tables in the view schema."""
        ...

    def archive(self, connection: Connection) -> AbstractContextManager[Collection[str]]:
        """Inside, the view schema means the tables that the last replay replaced; their names."""
        ...

    def limit_statements(self, connection: Connection, seconds: float) -> None:
        """Let no statement of this transaction take longer, where the database can be told so."""
        ...

    def partitions(self, engine: Engine) -> Partitions:
        """The partitions of the events. Raises `ConfigurationError` for a database that has none."""
        ...

    def position_mark(self, connection: Connection) -> str:
        """What is committed at this moment, as a text to keep."""
        ...

    def committed_between(self, after: str | None, until: str | None) -> Sequence[ColumnElement[bool]]:
        """Conditions on `events`: committed after one mark (None: since ever) until another (None: all visible)."""
        ...

    def committed_at(self, mark: str) -> Sequence[ColumnElement[bool]]:
        """Conditions on `events`: committed at this mark, as the mark itself tells."""
        ...

    def not_committed_at(self, mark: str | None) -> Sequence[ColumnElement[bool]]:
        """Conditions on `events`: not yet committed at this mark, as the mark itself tells; none for None."""
        ...

    def cluster_identifier(self, connection: Connection) -> str | None:
        """The database cluster in which position marks mean something; None where they mean the same everywhere.

        Raises `ConfigurationError` on a standby server, where they mean nothing.
        """
        ...

    def load_rows(
        self,
        connection: Connection,
        table: Table,
        types: Mapping[str, TypeEngine[Any]],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """Insert many rows, in the fastest way there is, in the connection's transaction.

        `types` are the columns that the rows have, in order, each with the type of its parameters.
        """
        ...

    def stream_events(
        self, connection: Connection, type_ids: Collection[int], where: Sequence[ColumnElement[bool]]
    ) -> Generator[EventsOfAggregate, None, None]:
        """Read very many events of some types, aggregate by aggregate, of each a bounded number at a time."""
        ...

    def estimated_rows(self, connection: Connection, statement: Select[*tuple[Any, ...]]) -> int:
        """About how many rows a SELECT from the events has, without counting them."""
        ...

    def sampled_events(self, connection: Connection, number: int) -> tuple[FromClause, float]:
        """About so many of the events, from everywhere in the store, and which share of all they are.

        They have the columns partition_key, aggregate_id and event_type_id.
        """
        ...

    def shadow_tables(self, engine: Engine, version_table: str) -> ShadowTables:
        """The twins of the view tables; `version_table` is where the view history keeps its revision."""
        ...
