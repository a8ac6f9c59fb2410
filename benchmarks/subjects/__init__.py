"""The ways to keep posts that are compared: ours, by hand, and other libraries where they are installed."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.harness.results import LIMIT, OURS, PEER, PEER_WITH_FUNCTIONS
from benchmarks.subjects.subject import Counts, Subject


def names(database: str, *, projecting: bool = False) -> list[str]:
    """Which ones can be measured on a kind of database."""
    if find_spec("eventsourcing") is None:
        return [OURS, LIMIT]
    if database == "sqlite" or projecting:
        return [OURS, LIMIT, PEER]
    return [OURS, LIMIT, PEER, PEER_WITH_FUNCTIONS]


def open_subject(name: str, url: str, *, projecting: bool = False, new: bool = True) -> Subject:
    """Connect to a database; with `new` it is empty."""
    if name == OURS:
        from benchmarks.subjects.sequent import OnSequent  # noqa: PLC0415 - only what is measured is imported

        return OnSequent(url, projecting=projecting, new=new)
    if name == LIMIT:
        from benchmarks.subjects.by_hand_on_postgresql import ByHandOnPostgreSQL  # noqa: PLC0415 - as above
        from benchmarks.subjects.by_hand_on_sqlite import ByHandOnSQLite  # noqa: PLC0415 - as above

        by_hand = ByHandOnSQLite if url.startswith("sqlite") else ByHandOnPostgreSQL
        return by_hand(url, projecting=projecting, new=new)
    from benchmarks.subjects.eventsourcing import OnEventsourcing  # noqa: PLC0415 - may not be installed

    return OnEventsourcing(url, projecting=projecting, new=new, functions=name == PEER_WITH_FUNCTIONS)


__all__ = ["Counts", "Subject", "names", "open_subject"]
