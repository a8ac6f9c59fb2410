"""Where the server of the tests has its files: in memory, when the machine has a file system there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
_ENOUGH = 1024**3


def directory() -> str:
    """The directory for a server: `/dev/shm` if it is there, with 1 GiB for each process of tests, or where files go.

    PostgreSQL makes and removes a database with 300 files for almost every test, which is ten times as fast there.
    """
    if not _IN_MEMORY.is_dir() or not os.access(_IN_MEMORY, os.W_OK):
        return tempfile.gettempdir()
    found = os.statvfs(_IN_MEMORY)
    enough = _ENOUGH * max(2, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    # PostgreSQL's programs are copied beside its data when the tests run as root.
    usable = not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= enough
    return str(_IN_MEMORY) if usable else tempfile.gettempdir()
