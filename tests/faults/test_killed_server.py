"""After kill -9 of PostgreSQL what was acknowledged is there, and the application goes on when the server is back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sequent_sa import Sequent
from tests.blog import new_app
from tests.databases import PostgreSQLServer
from tests.faults.checker import check_store, check_usable
from tests.faults.threads import working

CRASHES = 2


@pytest.fixture
def app_on_own_server(own_server: PostgreSQLServer) -> Iterator[Sequent]:
    """The blog there."""
    app = new_app(own_server.url)
    app.create_all()
    yield app
    app.engine.dispose()


def test_whatever_moment_the_server_is_killed_at(app_on_own_server: Sequent, own_server: PostgreSQLServer) -> None:
    """Threads go on through crashes with the same pool; what was acknowledged is there, and nothing is there twice."""
    app = app_on_own_server
    with working(app.execute_commands) as crew:
        for _ in range(CRASHES):
            crew.wait_for_more(crew.chance.randrange(20, 80))
            own_server.crash()
        crew.wait_for_more(20)
    check_store(app, crew.journal())
    check_usable(app)
