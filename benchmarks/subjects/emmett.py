"""The posts of the benchmark on `emmett`, in processes of Node: W1 and W2, as its documentation does it.

It stores no commands. The session `benchmarks` installs its packages, where there is npm.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from benchmarks.databases import libpq_url
from benchmarks.harness.clients import Clients, started
from benchmarks.harness.figures import Round

EMMETT = "emmett"
PLACE = Path(__file__).parent / "on_node"


def what_is_missing() -> str | None:
    """Why it cannot be measured, None when it can."""
    if shutil.which("node") is None:
        return "there is no node"
    if not (PLACE / "node_modules").is_dir():
        return f"its packages are not installed: run npm install in {PLACE.name}"
    return None


def emmett_version() -> str:
    """Its version and that of Node."""
    if what_is_missing() is not None:
        return "not installed"
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    package = PLACE / "node_modules" / "@event-driven-io" / "emmett-postgresql" / "package.json"
    return f"{json.loads(package.read_text())['version']} on node {node}"


class OnEmmett:
    """Client processes that add posts, or count the words of posts with ten events, which are stored beforehand."""

    def __init__(self, url: str, working: Clients, storing: Clients | None) -> None:
        self._url = url
        self._working = working
        self._storing = storing

    def round(self, shares: Sequence[Sequence[UUID]]) -> Round:
        """One share for each of them."""
        if self._storing is not None:
            self._storing.round([[id_ for share in shares for id_ in share]])
        return self._working.round(shares)

    def events(self) -> int:
        """How many are stored."""
        with psycopg.connect(libpq_url(self._url)) as connection:
            row = connection.execute("SELECT count(*) FROM emt_messages").fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def on_emmett(url: str, number: int, work: str) -> Iterator[OnEmmett]:
    """So many clients on an empty database, whose work is `add` or `count`."""
    found = make_url(url)
    place = found.set(drivername="postgresql", host=found.host or "localhost").render_as_string(hide_password=False)
    command = ["node", str(PLACE / "client.mjs"), place]
    # It makes its tables when it starts, so that the first one starts alone.
    with started(1, [*command, "store"]) as storing, started(number, [*command, work]) as working:
        yield OnEmmett(url, working, storing if work == "count" else None)
