"""The only place that reads the clock for moments that are stored."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, in UTC, to the microsecond."""
    return datetime.now(UTC)
