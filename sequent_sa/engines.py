"""The engine of an application, and the transactions on it and on its asyncio engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Pool, create_engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from sequent_sa import _asynchronous
from sequent_sa.configuration import normalise_url
from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.unit_of_work.caller import Caller, Joinable
from sequent_sa.unit_of_work.joined_transaction import JoinedTransaction
from sequent_sa.unit_of_work.transactions import SQLTransaction

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_scoped_session

    JoinableFromCoroutines = AsyncSession | async_scoped_session[Any] | AsyncConnection


def new_engine(database: str | Engine) -> Engine:
    """The engine for a URL, or the one that is given, with its connections set up.

    Raises `ConfigurationError` for a URL that cannot be used, and for a database that is not supported.
    """
    engine = database if isinstance(database, Engine) else _from_url(database)
    return dialect_of(engine).configure(engine)


class Engines:
    """The transactions of one application: on its engine, on its asyncio engine, or in those of a caller."""

    def __init__(self, engine: Callable[[], Engine], async_engine: Callable[[], AsyncEngine]) -> None:
        self._engine = engine
        self._async_engine = async_engine
        self._identities: WeakKeyDictionary[Pool, str] = WeakKeyDictionary()

    def here(self) -> Engine:
        """The engine for this code, which may run for a coroutine."""
        return self._async_engine().sync_engine if _asynchronous.is_asynchronous() else self._engine()

    def writing(self) -> SQLTransaction:
        """A transaction that will write."""
        dialect = dialect_of(self._engine())
        return SQLTransaction(lambda: dialect.transaction(self.here(), writing=True), dialect)

    def reading(self) -> SQLTransaction:
        """A transaction that will write nothing."""
        dialect = dialect_of(self._engine())
        return SQLTransaction(lambda: dialect.transaction(self.here(), writing=False), dialect)

    def read_only(self) -> SQLTransaction:
        """A transaction in which writing is refused."""
        dialect = dialect_of(self._engine())
        return SQLTransaction(lambda: dialect.read_only_transaction(self.here()), dialect)

    def joined(self, caller: Caller, atomic: bool) -> JoinedTransaction:
        """A part of a caller's transaction, which `check` has found to be good."""
        return JoinedTransaction(caller, dialect_of(caller.connection.engine), atomic=atomic)

    def check(self, caller: Caller) -> None:
        """Raise `ConfigurationError` unless commands can be executed in the transaction of this caller."""
        dialect = dialect_of(caller.connection.engine)
        dialect.check_joinable(caller.connection)
        theirs, own = caller.connection.engine.pool, self.here().pool
        if theirs is own:
            return
        if own not in self._identities:
            with self.here().connect() as connection:
                self._identities[own] = dialect_of(connection.engine).identity(connection)
        if theirs not in self._identities:
            self._identities[theirs] = dialect.identity(caller.connection)
        if self._identities[theirs] != self._identities[own]:
            raise ConfigurationError(
                f"this session or connection is of another database ({caller.connection.engine.url!r}) than this "
                f"application ({self._engine().url!r}): events and what the caller writes could not be one transaction"
            )

    def session(self, *, read_only: bool) -> Session:
        """A session on the engine of the application."""
        engine = self._engine()
        return Session(dialect_of(engine).reading(engine) if read_only else engine)

    def session_async(self, *, read_only: bool) -> AsyncSession:
        """A session on the asyncio engine of the application."""
        from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession  # noqa: PLC0415 - needs the extra

        engine = self._async_engine().sync_engine
        return AsyncSession(AsyncEngine(dialect_of(engine).reading(engine) if read_only else engine))


def for_coroutines(given: JoinableFromCoroutines | None) -> Joinable | None:
    """The session or connection inside of one of asyncio. Raises `TypeError` for anything else."""
    if given is None:
        return None
    from sqlalchemy.ext.asyncio import async_scoped_session  # noqa: PLC0415 - needs the extra

    if isinstance(given, async_scoped_session):
        given = given()
    found: Joinable | None = getattr(given, "sync_session", None) or getattr(given, "sync_connection", None)
    if found is None:
        raise TypeError(
            f"an AsyncSession, or an AsyncConnection that was begun, is needed, not {given!r}: a Session goes to "
            "execute_commands"
        )
    return found


def _from_url(database: str) -> Engine:
    try:
        return create_engine(make_url(normalise_url(database)))
    except (ArgumentError, ValueError, ImportError) as error:
        raise ConfigurationError(
            "the database URL cannot be used: it must look like sqlite:///blog.db or postgresql+psycopg://user@host/name"
        ) from error
