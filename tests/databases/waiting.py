"""Waiting for something to happen, as long as it may take on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECONDS = 60.0


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Look again and again. Raises `AssertionError` when it has not happened after a minute."""
    give_up_at = time.monotonic() + _SECONDS
    while not happened():
        assert time.monotonic() < give_up_at, f"waited in vain for {what}"
        time.sleep(0.005)
