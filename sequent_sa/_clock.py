"""The only place that reads the clock for moments that are stored."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_stopped: ContextVar[datetime | None] = ContextVar("sequent_sa_stopped_clock", default=None)


def now() -> datetime:
    """The current moment, in UTC, to the microsecond."""
    return _stopped.get() or datetime.now(UTC)


def stop(moment: datetime | None) -> None:
    """Let `now` be this moment for the code that runs in this context; None lets the clock go on.

    Raises `ValueError` for a moment without timezone.
    """
    if moment is not None and moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no timezone: give an aware datetime, such as datetime(..., tzinfo=UTC)")
    _stopped.set(None if moment is None else moment.astimezone(UTC))


@contextmanager
def stopped(moment: datetime) -> Generator[None, None, None]:
    """Let `now` be this moment inside the block. Raises `ValueError` for a moment without timezone."""
    before = _stopped.get()
    stop(moment)
    try:
        yield
    finally:
        _stopped.set(before)
