"""Making and parsing aggregate ids."""

from __future__ import annotations

import re
import secrets
import threading
import time
from uuid import UUID

_COUNTER_BITS = 42
_RANDOM_BITS = 32
_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class _TimeOrdered:
    """Makes UUIDv7 values (RFC 9562) that only ever grow within a process, whatever the clock and the threads do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0

    def __call__(self) -> UUID:
        with self._lock:
            self._advance(time.time_ns() // 1_000_000)
            millisecond, counter = self._millisecond, self._counter
        high = (millisecond & (1 << 48) - 1) << 16 | 0x7000 | counter >> 30
        low = 0b10 << 62 | (counter & (1 << 30) - 1) << 32 | secrets.randbits(_RANDOM_BITS)
        return UUID(int=high << 64 | low)

    def _advance(self, millisecond: int) -> None:
        if millisecond > self._millisecond:
            # The top bit starts as 0, so that a busy millisecond has room to count.
            self._millisecond, self._counter = millisecond, secrets.randbits(_COUNTER_BITS - 1)
            return
        self._counter += 1
        if self._counter >> _COUNTER_BITS:
            self._millisecond, self._counter = self._millisecond + 1, 0


_time_ordered = _TimeOrdered()


def new_uuid() -> UUID:
    """A new id: a UUIDv7, greater than every id that this process made before."""
    return _time_ordered()


def require_uuid(value: object) -> None:
    """Raise `TypeError` for what is no UUID, where an aggregate is to be found by it."""
    if not isinstance(value, UUID):
        raise TypeError(f"an aggregate is found by its id, a UUID, and not by {value!r}")


def parse_uuid(value: UUID | str) -> UUID:
    """Read an id in its canonical form, 8-4-4-4-12 hexadecimal digits. Raises `ValueError` for anything else."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance] # untyped callers
        raise ValueError(f"{value!r} is not a UUID: give one, or its text")
    if not _CANONICAL.fullmatch(value):
        raise ValueError(f"{value!r} is not a UUID: give it as 8-4-4-4-12 hexadecimal digits")
    return UUID(value)
