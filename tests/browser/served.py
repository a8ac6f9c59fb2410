"""A web application of the examples, in a process of its own as its README starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

FrontEnd = Literal["flask", "fastapi"]

LONGEST_START = 60
_MODULES = {
    "flask": ["flask", "--app", "weblog.web.flask_app", "run", "--port"],
    "fastapi": ["uvicorn", "--factory", "weblog.web.fastapi_app:create_app", "--port"],
}


@contextmanager
def served(front_end: FrontEnd, project: Path, database_url: str, log: Path) -> Iterator[str]:
    """The address at which the web application answers, on the database, until the block ends."""
    port = _free_port()
    environment = {**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": str(project)}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *_MODULES[front_end], str(port)],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_listens(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + LONGEST_START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the web application did not start: {log.read_text()}") from error
            time.sleep(0.1)
        else:
            return
