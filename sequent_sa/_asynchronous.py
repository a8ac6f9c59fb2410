"""Running synchronous code on SQLAlchemy's asyncio engines: what waits for the database lets the event loop go on."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.util.concurrency import await_, greenlet_spawn, in_greenlet

from sequent_sa.exceptions import ConfigurationError

T = TypeVar("T")


def is_asynchronous() -> bool:
    """Whether this code was called by `run`, or by `run_sync` of an asyncio connection or session of SQLAlchemy."""
    return sys.modules.get("greenlet") is not None and in_greenlet()


async def run(call: Callable[[], T]) -> T:
    """Call a synchronous function; connections of an asyncio engine inside of it wait without blocking.

    Raises `ConfigurationError` when greenlet is not installed.
    """
    try:
        return await greenlet_spawn(call)
    except ImportError as error:
        if sys.modules.get("greenlet") is not None:
            raise
        raise ConfigurationError("asyncio needs more packages: pip install 'sequent-sa[async]'") from error


def pause(seconds: float) -> None:
    """Wait, without blocking the event loop where there is one."""
    if is_asynchronous():
        await_(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)
