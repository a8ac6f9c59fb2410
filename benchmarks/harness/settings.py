"""On what it was measured: versions and settings, recorded with the numbers."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psycopg
from sqlalchemy import create_engine

from benchmarks.subjects.emmett import emmett_version

PACKAGES = ("sequent-sa", "sqlalchemy", "psycopg", "marshmallow", "msgspec", "eventsourcing")
POSTGRESQL = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers", "full_page_writes")


def settings(postgresql_url: str | None = None) -> dict[str, str]:
    """Versions, the processor, and how durable the databases are."""
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{os.cpu_count()} x {_processor()}",
        "load at the beginning": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "emmett": emmett_version(),
        "psycopg's implementation": psycopg.pq.__impl__,
        "sqlite": f"{sqlite3.sqlite_version}, WAL, synchronous=FULL",
    }
    if postgresql_url is not None:
        engine = create_engine(postgresql_url)
        with engine.connect() as connection:
            shown = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in POSTGRESQL}
        engine.dispose()
        found["postgresql"] = ", ".join(
            value if name == "server_version" else f"{name}={value}" for name, value in shown.items()
        )
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
