"""The pytest plugin: fixtures and options, nothing else."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import pytest

from sequent_sa import _clock
from sequent_sa.application import Sequent
from sequent_sa.configuration import Configuration
from sequent_sa.testing.projection import ProjectorFixture, create_view_tables, projecting
from sequent_sa.testing.scenario import SequentFixture
from sequent_sa.testing.workflow import WorkflowFixture


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sequent-database URL`: where the projector fixture makes its tables."""
    parser.getgroup("sequent").addoption(
        "--sequent-database",
        metavar="URL",
        help="database for fixtures that need one; its view tables are dropped and made anew "
        "(default: the test environment's, from the project's configuration)",
    )


@pytest.fixture(scope="session")
def sequent_app() -> Sequent:
    """The application under test: the one that the project's configuration names. Override it to test another."""
    os.environ["SEQUENT_ENV"] = "test"
    module, _, attribute = Configuration.load().app.partition(":")
    app: Sequent = getattr(importlib.import_module(module), attribute)
    return app


@pytest.fixture
def sequent(sequent_app: Sequent) -> Iterator[SequentFixture]:
    """Given events, when a command, then events: on an event store in memory."""
    fixture = SequentFixture(sequent_app)
    try:
        yield fixture
        fixture.finish()
    finally:
        _clock.stop(None)


@pytest.fixture
def sequent_workflow(sequent_app: Sequent) -> Iterator[WorkflowFixture]:
    """When an event, then commands: what the application's workflows want to happen."""
    fixture = WorkflowFixture(sequent_app)
    try:
        yield fixture
        fixture.finish()
    finally:
        _clock.stop(None)


@pytest.fixture(scope="session")
def _sequent_app_with_tables(sequent_app: Sequent, request: pytest.FixtureRequest) -> Sequent:

    os.environ["SEQUENT_ENV"] = "test"
    url: str = request.config.getoption("--sequent-database") or Configuration.load().database_url
    app = sequent_app.on(url)
    create_view_tables(app)
    return app


@pytest.fixture
def sequent_projector(_sequent_app_with_tables: Sequent) -> Iterator[ProjectorFixture]:
    """The application's projectors on real, empty view tables."""
    with projecting(_sequent_app_with_tables) as fixture:
        yield fixture
