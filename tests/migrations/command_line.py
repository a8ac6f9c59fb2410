"""Runs Alembic's command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

CHECKOUT = Path(__file__).resolve().parents[2]


class Run(Protocol):
    """Runs a command with these arguments and environment variables."""

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Wait for it and return what it printed."""
        ...


def run_alembic(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `alembic` in a directory, with these environment variables and without any other DATABASE_URL."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=directory,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_in_checkout(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `alembic` where the event store's migrations are."""
    return run_alembic(CHECKOUT, *arguments, **environment)
