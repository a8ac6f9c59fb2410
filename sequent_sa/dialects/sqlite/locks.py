"""Locks by file, which end with the process that has them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sequent_sa._asynchronous import pause

_ATTEMPT_SECONDS = 0.1


@contextmanager
def holding_file(path: Path, seconds: float) -> Generator[bool, None, None]:
    """Hold a lock until the block ends or the process dies; the file is there meanwhile.

    Gives False when somebody else keeps it for longer than `seconds`.
    """
    give_up_at = time.monotonic() + seconds
    while (held := _lock(path)) is None and time.monotonic() < give_up_at:
        pause(_ATTEMPT_SECONDS)
    try:
        yield held is not None
    finally:
        if held is not None:
            path.unlink(missing_ok=True)
            os.close(held)


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it before may have removed the file between the two calls: then this lock is of no use.
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        """Somebody else has it, or removed the file just now."""
    os.close(descriptor)
    return None
