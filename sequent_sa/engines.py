"""The engines of an application: from a URL, and from one engine the same for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from sequent_sa.configuration import normalise_url
from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

_ASYNCIO_DRIVERS = {"sqlite": "sqlite+aiosqlite"}


def new_engine(database: str | Engine) -> Engine:
    """The engine for a URL, or the one that is given, with its connections set up.

    Raises `ConfigurationError` for a URL that cannot be used, and for a database that is not supported.
    """
    engine = database if isinstance(database, Engine) else _from_url(database)
    return dialect_of(engine).configure(engine)


def asyncio_engine(engine: Engine) -> AsyncEngine:
    """An asyncio engine on the database of another engine. Raises `ConfigurationError` when there can be none."""
    url = engine.url
    if url.get_backend_name() in _ASYNCIO_DRIVERS and url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "a database in memory cannot be seen by a second engine, which asyncio needs: use a file, such as "
            "sqlite:///blog.db"
        )
    try:
        from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine  # noqa: PLC0415 - needs the extra

        new = create_async_engine(url.set(drivername=_ASYNCIO_DRIVERS.get(url.get_backend_name(), url.drivername)))
        return AsyncEngine(dialect_of(new.sync_engine).configure(new.sync_engine))
    except ImportError as error:
        raise ConfigurationError("asyncio needs more packages: pip install 'sequent-sa[async]'") from error


def asyncio_session(engine: AsyncEngine) -> AsyncSession:
    """A session on an asyncio engine."""
    from sqlalchemy.ext.asyncio import AsyncSession  # noqa: PLC0415 - needs the extra

    return AsyncSession(engine)


def _from_url(database: str) -> Engine:
    try:
        return create_engine(make_url(normalise_url(database)))
    except (ArgumentError, ValueError, ImportError) as error:
        raise ConfigurationError(
            "the database URL cannot be used: it must look like sqlite:///blog.db or postgresql+psycopg://user@host/name"
        ) from error
