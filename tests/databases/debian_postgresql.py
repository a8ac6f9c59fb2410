"""Prints the directory of the programs of Debian's PostgreSQL 15, which is installed first where it is missing.

Run as a program, as root where the package has to be installed. Starting a server from these programs, as an
unprivileged user, is left to the tests: `SEQUENT_TEST_POSTGRES_BIN=$(python -m tests.databases.debian_postgresql)`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PACKAGE = "postgresql-15"


def main() -> None:
    """Exits with a message when there is no PostgreSQL 15 and none can be installed."""
    if not (PROGRAMS / "initdb").exists():
        if os.geteuid() != 0:
            sys.exit(f"{PROGRAMS} does not exist: install the package {PACKAGE}, or run this as root")
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", PACKAGE]):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, stdout=sys.stderr, env=environment, check=False)
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    sys.stdout.write(f"{PROGRAMS}\n")


if __name__ == "__main__":
    main()
