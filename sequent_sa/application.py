"""The application: builds everything from what it is given; the only module that knows all the others."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Engine, MetaData
from sqlalchemy.orm import Session

from sequent_sa import _asynchronous, ids, tables
from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.asyncio_engine import asyncio_engine
from sequent_sa.configuration import Configuration
from sequent_sa.dialects import Dialect, dialect_of
from sequent_sa.engines import Engines, for_coroutines, new_engine
from sequent_sa.erasure import Erasure
from sequent_sa.event_log import EventLog
from sequent_sa.event_store.event_store import EventStore, SQLEventStore
from sequent_sa.event_store.load import Load
from sequent_sa.event_store.record_hooks import RecordHooks
from sequent_sa.exceptions import AggregateKeyNotUnique, ConfigurationError
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.execution.command_service import CommandService
from sequent_sa.execution.dry_run import CommandRecorder, DryRun, UnstoredRepository
from sequent_sa.execution.middleware import Filter, Middleware, Request
from sequent_sa.execution.workflow import Workflow
from sequent_sa.messages.error_texts import Resolver, translation
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.partitions import Partitions
from sequent_sa.parts import Declared, Parts
from sequent_sa.projections.activation import activate_projectors, missing_tables
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.persistors.recording import RecordingPersistor
from sequent_sa.projections.projector import Projector, managed_records
from sequent_sa.projections.view_record import VIEW_SCHEMA
from sequent_sa.replay.context import ReplayContext, ViewMigrations
from sequent_sa.snapshots import Snapshots
from sequent_sa.unique_key_refresh import UniqueKeyRefresh
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.caller import Caller, Joinable
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork
from sequent_sa.wiring import Wiring

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    from sequent_sa.engines import JoinableFromCoroutines


class Sequent:
    """An application: its database, its handlers, and what can be done with them.

    `database` is a SQLAlchemy URL or Engine; without it, the configuration of the project says where the database
    of the current environment is. `packages` are imported on first use, and every handler in them is registered,
    besides those that are named here. `retired_events` are stored types that no class stands for any more: their
    events are skipped. `retries` says how often a transaction that lost a race (`ConcurrencyError`) begins again, after
    a short random pause: filters, validation and command handlers run once more. A command that led to no event is not
    stored unless `store_commands_without_events` says so; `record_hooks` fill columns of the application's own.
    `locale` is the language of what is said about invalid input, or a function that knows it for the request at hand;
    `translations` has the texts by locale and code, or is a function that finds them.

    Nothing is global: several applications live side by side in one process.
    Raises `ConfigurationError` for a database that is not supported, here or on first use.
    """

    def __init__(
        self,
        database: str | Engine | None = None,
        *,
        packages: Sequence[str] = (),
        command_handlers: Sequence[type[CommandHandler]] = (),
        projectors: Sequence[type[Projector]] = (),
        workflows: Sequence[type[Workflow]] = (),
        filters: Sequence[Filter] = (),
        middleware: Sequence[Middleware] = (),
        retired_events: Sequence[str] = (),
        retries: int = 0,
        store_commands_without_events: bool = False,
        record_hooks: RecordHooks | None = None,
        locale: str | Callable[[], str] = "en",
        translations: Mapping[str, Mapping[str, str]] | Resolver | None = None,
        environment: str | None = None,
        new_uuid: Callable[[], UUID] = ids.new_uuid,
    ) -> None:
        if isinstance(packages, str):
            raise ConfigurationError(f"packages must be a list of names, such as packages=[{packages!r}]")
        if retries < 0:
            raise ConfigurationError(f"retries must be 0 or more, not {retries}")
        self._database = database
        self._declared = Declared(
            packages=packages,
            command_handlers=command_handlers,
            projectors=projectors,
            workflows=workflows,
            retired_events=retired_events,
        )
        self._filters, self._middleware = filters, middleware
        self._retries, self.store_commands_without_events = retries, store_commands_without_events
        self.record_hooks = record_hooks or RecordHooks()
        self._language = (locale, translations)
        self._environment = environment
        self._engines = Engines(lambda: self.engine, lambda: self.async_engine)
        self._units = UnitsOfWork(self._engines.writing, self._engines.reading, self._engines.joined)
        self._lock = threading.RLock()
        self.new_uuid = new_uuid

    @cached_property
    def configuration(self) -> Configuration:
        """What the project's files and the environment say."""
        return Configuration.load()

    @cached_property
    def environment(self) -> str:
        """development, test or production."""
        return self._environment or self.configuration.environment

    @cached_property
    def engine(self) -> Engine:
        """The engine of this application, for plain SQLAlchemy as well: connections set up, schemas in place."""
        with self._lock:
            given = self._database if self._database is not None else self.configuration.database_url
            return new_engine(given)

    @cached_property
    def async_engine(self) -> AsyncEngine:
        """The asyncio engine of this application, with the pool and the arguments for connecting of the other engine.

        Raises `ConfigurationError` for a database in memory, which no second engine can see, and without the extra
        `sequent-sa[async]`.
        """
        with self._lock:
            return asyncio_engine(self.engine)

    @property
    def dialect(self) -> Dialect:
        """Where this database differs from others."""
        return dialect_of(self.engine)

    @cached_property
    def parts(self) -> Parts:
        """The classes of this application; finding them imports its packages."""
        with self._lock:
            return Parts(**self._declared)

    @property
    def projectors(self) -> tuple[type[Projector], ...]:
        """The classes of all projectors."""
        return tuple(self.parts.projectors)

    @property
    def workflows(self) -> tuple[type[Workflow], ...]:
        """The classes of all workflows."""
        return tuple(self.parts.workflows)

    @property
    def view_metadata(self) -> list[MetaData]:
        """What describes the view tables."""
        records = [record for projector in self.projectors for record in projector.managed_tables or ()]
        return list(dict.fromkeys(record_table(record).table.metadata for record in records))

    @property
    def type_names(self) -> TypeNames:
        """Which class is stored under which name."""
        return self.parts.type_names

    @cached_property
    def event_store(self) -> EventStore:
        """Where commands and events are kept."""
        return SQLEventStore(self.dialect, self.type_names, self.record_hooks)

    @cached_property
    def event_reader(self) -> Load:
        """The queries of the event store, for what reads on connections of its own."""
        return Load(self.dialect, self.type_names)

    @cached_property
    def event_log(self) -> EventLog:
        """All events in the order of their commands, for what reads them later and elsewhere."""
        return EventLog(self.engine, self.dialect, self.event_reader, self.type_names)

    @cached_property
    def repository(self) -> AggregateRepository:
        """Where aggregates are found; outside a unit of work, for reading."""
        return AggregateRepository(self._units, self.event_store, self.type_names, self.store_commands_without_events)

    @cached_property
    def wiring(self) -> Wiring:
        """What puts command services together from the classes of this application."""
        return Wiring(self.parts, self._filters, self._middleware, self._retries, translation(*self._language))

    @cached_property
    def command_service(self) -> CommandService:
        """What executes commands."""
        with self._lock:
            return self.wiring.publishing_service(self._units, self.repository, self.dialect, strict=self._is_strict)

    def execute_commands(
        self,
        *commands: Request,
        session: Joinable | None = None,
        retries: int | None = None,
        validation_contexts: Iterable[str] = (),
    ) -> None:
        """Execute commands in order, all in one transaction.

        With a `session` or connection of SQLAlchemy that is its transaction, and hooks run when it commits or rolls
        back; a failure undoes what the commands did, and no more. `retries` says how often the transaction begins again
        after it lost a race (default: the application's). Inside a transaction that is open already nothing is tried
        again: that is for whoever began it. `validation_contexts` names the rules that hold besides those that always
        do (see `when`), for these commands and for those that workflows add.

        Raises `CommandNotValid`, `ConcurrencyError`, `AggregateKeyNotUnique`, `PublishEventError`, and whatever the
        command handlers raise; then nothing has changed.
        """
        caller = None if session is None else self._caller(session)
        self.command_service.execute_commands(
            *commands, retries=retries, validation_contexts=validation_contexts, caller=caller
        )

    async def execute_commands_async(
        self,
        *commands: Request,
        session: JoinableFromCoroutines | None = None,
        retries: int | None = None,
        validation_contexts: Iterable[str] = (),
    ) -> None:
        """Like `execute_commands`, on an asyncio engine: the event loop goes on while the database works.

        Filters, command handlers, projectors and workflows are the same synchronous code; what takes long in them,
        hashing a password for example, blocks the loop. Raises `ConfigurationError` without the extra
        `sequent-sa[async]`.
        """
        joined = for_coroutines(session)
        await _asynchronous.run(
            lambda: self.execute_commands(
                *commands, session=joined, retries=retries, validation_contexts=validation_contexts
            )
        )

    @contextmanager
    def session(self, *, read_only: bool = False) -> Generator[Session, None, None]:
        """A SQLAlchemy session for reading view records; with `read_only` the database refuses to write in it."""
        with self._engines.session(read_only=read_only) as session:
            yield session

    @asynccontextmanager
    async def session_async(self, *, read_only: bool = False) -> AsyncGenerator[AsyncSession, None]:
        """A SQLAlchemy session for reading view records from a coroutine."""
        async with self._engines.session_async(read_only=read_only) as session:
            yield session

    @contextmanager
    def unit_of_work(self, *, read_only: bool = False) -> Generator[UnitOfWork, None, None]:
        """One transaction around several calls; aggregates that are loaded inside are one instance for each id.

        Inside another unit of work it is that one. With `read_only` the database refuses to write in it.
        """
        with self._units.open_or_join(self._engines.read_only if read_only else None) as unit:
            yield unit

    @contextmanager
    def joined(self, transaction: Joinable) -> Generator[UnitOfWork, None, None]:
        """A unit of work in the transaction of a session or connection, inside a savepoint of its own.

        An exception that leaves the block undoes all that was done in it, with the session as well. Hooks run when the
        transaction of the session or connection commits or rolls back.
        """
        with self._units.take_part(self._caller(transaction)) as unit:
            yield unit

    def dry_run(self, *commands: Request, deep: bool = False) -> DryRun:
        """Show what commands would do, without doing it.

        By default the command handlers run, and nothing is sent to the database but what they load; the result says
        which projectors and workflows would get the events. With `deep` everything runs, workflows, their commands
        and projectors included, in a transaction that is rolled back, and the result has the changes of rows as well.
        Hooks for after the commit or rollback never run. Raises what executing the commands would raise.
        """
        result = DryRun()
        units = UnitsOfWork(self._engines.writing if deep else self._engines.read_only)
        repository_type = AggregateRepository if deep else UnstoredRepository
        recorder = CommandRecorder(result)
        service = self.wiring.publishing_service(
            units,
            repository_type(units, self.event_store, self.type_names, self.store_commands_without_events),
            self.dialect,
            strict=self._is_strict,
            persistor=lambda live: RecordingPersistor(live, result.change_row),
            choice=lambda active: recorder.choice(active, call_handlers=deep),
            first=[recorder],
        )
        with units.undone():
            service.execute_commands(*commands)
        return result

    def refresh_unique_keys(
        self,
        *aggregate_types: type[AggregateRoot],
        group_size: int = 100,
        progress: Callable[[int], object] = lambda _done: None,
    ) -> list[AggregateKeyNotUnique]:
        """Store the unique keys of all aggregates (of some types) as the present code computes them.

        Returns the errors of those that keep the keys they had. Raises `ConcurrencyError` when aggregates change faster
        than they can be read.
        """
        names = self.type_names.names_of(aggregate_types) if aggregate_types else None
        return UniqueKeyRefresh(self._units, self.event_store, self.repository).run(names, group_size, progress)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Snapshots of aggregates: taking them, and looking after them."""
        return Snapshots(self._units, self.event_store.snapshots, self.repository)

    @cached_property
    def erasure(self) -> Erasure:
        """Removing aggregates for good."""
        return Erasure(self._units, self.engine, self.projectors)

    @cached_property
    def partitions(self) -> Partitions:
        """Where events are kept: partition keys, and the partitions for them."""
        return Partitions(self.engine)

    def register_types(self) -> int:
        """Store the names of all types before they are used, so that nobody waits for another who uses a new one.

        Aggregates that had snapshots need one of the current version then. Returns how many types were new.
        """
        with self.unit_of_work() as unit:
            self.snapshots.register_versions()
            return self.event_store.register_types(unit.transaction)

    def create_all(self) -> None:
        """Create what is not there yet of both schemas, and activate the projectors: for tests and first steps.

        Called again it changes nothing. No migration history is written. Raises `ReplayError` when events of a
        projector exist already that is new, of another version, or whose table was missing: then it needs a replay.
        """
        with self.dialect.writing(self.engine) as connection, connection.begin():
            self.dialect.create_schemas(connection, [str(tables.metadata.schema), VIEW_SCHEMA])
            missing = missing_tables(connection, self.dialect, self.projectors)
            for metadata in (tables.metadata, *self.view_metadata):
                metadata.create_all(connection)
            self.record_hooks.add_columns(connection)
            activate_projectors(connection, self.dialect, self.type_names, self.projectors, new_tables=missing)

    def activate_projectors(self) -> None:
        """Activate the projectors of this code without a replay, which is right only while there is nothing to replay.

        Raises `ReplayError` when events of those exist that are not active already.
        """
        with self.dialect.writing(self.engine) as connection, connection.begin():
            activate_projectors(connection, self.dialect, self.type_names, self.projectors)

    def on(self, database: str | Engine) -> Sequent:
        """The same application on another database."""
        locale, translations = self._language
        return Sequent(
            database,
            **self._declared,
            filters=self._filters,
            middleware=self._middleware,
            retries=self._retries,
            store_commands_without_events=self.store_commands_without_events,
            record_hooks=self.record_hooks,
            locale=locale,
            translations=translations,
            environment=self._environment,
            new_uuid=self.new_uuid,
        )

    def replay_context(self, migrations: ViewMigrations) -> ReplayContext:
        """What a replay needs of this application."""
        return ReplayContext(
            engine=self.engine,
            dialect=self.dialect,
            reader=self.event_reader,
            type_names=self.type_names,
            projectors=self.projectors,
            migrations=migrations,
        )

    @property
    def _is_strict(self) -> bool:
        return self.environment != "production"

    def _caller(self, given: Joinable) -> Caller:
        caller = Caller(given, managed_records)
        self._engines.check(caller)
        return caller
