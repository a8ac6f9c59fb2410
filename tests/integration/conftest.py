"""The blog on a fresh database, with its tables and active projectors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sequent_sa import Sequent
from tests.blog import new_app
from tests.databases import Database


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The blog, ready for commands."""
    app = new_app(database.url)
    app.create_all()
    yield app
    app.engine.dispose()
