"""The asyncio engine of an application: on the database of another engine, and made as that one was."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, NullPool, QueuePool, event

from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_ASYNCIO_DRIVERS = {"sqlite": "sqlite+aiosqlite"}


def asyncio_engine(engine: Engine) -> AsyncEngine:
    """An asyncio engine on the database of another engine, with its pool's settings and its arguments for connecting.

    Listeners for other events than `do_connect`, a pool of a class of its own, and a `creator` are not taken over.
    Raises `ConfigurationError` when there can be none.
    """
    url = engine.url
    if url.get_backend_name() in _ASYNCIO_DRIVERS and url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "a database in memory cannot be seen by a second engine, which asyncio needs: use a file, such as "
            "sqlite:///blog.db"
        )
    try:
        from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine  # noqa: PLC0415 - needs the extra

        new = create_async_engine(
            url.set(drivername=_ASYNCIO_DRIVERS.get(url.get_backend_name(), url.drivername)), **_settings(engine)
        ).sync_engine
    except ImportError as error:
        raise ConfigurationError("asyncio needs more packages: pip install 'sequent-sa[async]'") from error
    _connect_like(engine, new)
    return AsyncEngine(dialect_of(new).configure(new))


def _settings(engine: Engine) -> dict[str, Any]:
    # SQLAlchemy does not say what a pool was made with; `QueuePool.recreate` reads the same attributes.
    pool: Any = engine.pool
    dialect: Any = engine.dialect
    found: dict[str, Any] = {
        "echo": engine.echo,
        "hide_parameters": engine.hide_parameters,
        "json_serializer": dialect._json_serializer,
        "json_deserializer": dialect._json_deserializer,
        "pool_recycle": pool._recycle,
        "pool_pre_ping": pool._pre_ping,
    }
    if isinstance(pool, QueuePool):
        found["pool_size"] = pool.size()
        found["max_overflow"] = vars(pool)["_max_overflow"]
        found["pool_timeout"] = pool.timeout()
    elif isinstance(pool, NullPool):
        found["poolclass"] = NullPool
    return found


_asking: ContextVar[dict[str, Any] | None] = ContextVar("sequent_sa_asking_for_arguments", default=None)


def _answer(_dialect: Any, _record: Any, _positional: list[Any], arguments: dict[str, Any]) -> None:
    asked = _asking.get()
    if asked is not None:
        asked.update(arguments)
        raise ConfigurationError("no connection is wanted, only with which arguments it would be made")


def _connect_like(engine: Engine, new: Engine) -> None:
    """Let an engine connect with the arguments of another one.

    They are asked for at each connection: a listener for `do_connect` may have a new password every time.
    """

    def connect(_dialect: Any, _record: Any, _positional: list[Any], arguments: dict[str, Any]) -> None:
        arguments.update(_arguments(engine))

    if not event.contains(engine, "do_connect", _answer):
        event.listen(engine, "do_connect", _answer)
    event.listen(new, "do_connect", connect)


def _arguments(engine: Engine) -> Mapping[str, Any]:
    """Empty when somebody makes the connections himself, and does not say how."""
    pool = engine.pool.recreate()  # the pool itself may have a connection already
    arguments: dict[str, Any] = {}
    asking = _asking.set(arguments)
    try:
        pool.connect().close()
    except ConfigurationError:
        if not arguments:
            raise
    finally:
        _asking.reset(asking)
        pool.dispose()
    return arguments
