"""The blog on a fresh database, with its tables and active projectors; and servers that may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import PostgreSQLServer
from tests.integration.conftest import app, command_line

__all__ = ["app", "command_line"]


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgreSQLServer]:
    """A server that may be killed: what it acknowledges it has written."""
    server = PostgreSQLServer.start_own("synchronous_commit=on")
    yield server
    server.stop()
