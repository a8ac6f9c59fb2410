"""The blog of the examples on a fresh database, behind each of its front ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest
from fastapi.testclient import TestClient
from weblog.app import new_app
from weblog.web import fastapi_app, flask_app

from sequent_sa import Sequent
from tests.databases import Database
from tests.examples.page import Visitor


@pytest.fixture
def weblog(database: Database) -> Iterator[Sequent]:
    """The blog, ready for commands."""
    app = new_app(database.url)
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.fixture(params=["flask", "fastapi"])
def browse(request: pytest.FixtureRequest) -> Callable[[Sequent], Visitor]:
    """Makes a visitor of a web application."""
    return with_flask if request.param == "flask" else with_fastapi


@pytest.fixture
def visitor(browse: Callable[[Sequent], Visitor], weblog: Sequent) -> Visitor:
    """Somebody who looks at the blog."""
    return browse(weblog)


def with_flask(app: Sequent) -> Visitor:
    """Somebody who looks at the front end with Flask."""
    web = flask_app.create_app(app)
    return Visitor(lambda: httpx2.Client(transport=httpx2.WSGITransport(app=web), base_url="http://testserver"))


def with_fastapi(app: Sequent) -> Visitor:
    """Somebody who looks at the front end with FastAPI."""
    web = fastapi_app.create_app(app)
    return Visitor(lambda: TestClient(web, raise_server_exceptions=False))
