"""Prints the directory of the programs of Debian's PostgreSQL 15, which is installed first where it is missing.

Run as a program, as root where the package has to be installed. Starting a server from these programs, as an
unprivileged user, is left to the tests: `SEQUENT_TEST_POSTGRES_BIN=$(python -m tests.databases.debian_postgresql)`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.debian_packages import provide

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


def main() -> None:
    """Exits with a message when there is no PostgreSQL 15 and none can be installed."""
    provide(PROGRAMS / "initdb", "postgresql-15")
    sys.stdout.write(f"{PROGRAMS}\n")


if __name__ == "__main__":
    main()
