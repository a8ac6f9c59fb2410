"""Installs packages of Debian where they are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def provide(program: Path, *packages: str) -> None:
    """Install `packages` unless `program` exists. Exits with a message when that cannot be done."""
    if program.exists():
        return
    if os.geteuid() != 0:
        sys.exit(f"{program} does not exist: install {' and '.join(packages)}, or run this as root")
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *packages]):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, stdout=sys.stderr, env=environment, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}")
