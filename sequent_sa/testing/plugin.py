"""The pytest plugin: fixtures and options, nothing else."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sequent_sa import _clock
from sequent_sa.application import Sequent
from sequent_sa.configuration import Configuration
from sequent_sa.testing.projection import ProjectorFixture, projecting
from sequent_sa.testing.scenario import SequentFixture
from sequent_sa.testing.stage import Stage, create_event_store, create_view_tables, undone
from sequent_sa.testing.workflow import WorkflowFixture


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sequent-database URL`: where the fixtures keep events and records; everything is rolled back."""
    parser.getgroup("sequent").addoption(
        "--sequent-database",
        metavar="URL",
        help="database for all fixtures, which must hold no events; its view tables are dropped and made anew "
        "(default: events in memory, view tables in the database of the test environment)",
    )


@pytest.fixture(scope="session")
def sequent_app() -> Sequent:
    """The application under test: the one that the project's configuration names. Override it to test another."""
    os.environ["SEQUENT_ENV"] = "test"
    module, _, attribute = Configuration.load().app.partition(":")
    app: Sequent = getattr(importlib.import_module(module), attribute)
    return app


@pytest.fixture
def sequent(sequent_app: Sequent, _sequent_stage: Stage | None) -> Iterator[SequentFixture]:
    """Given events, when a command, then events: on an event store in memory, or with `--sequent-database` there."""
    fixture = SequentFixture(sequent_app, _sequent_stage)
    try:
        yield fixture
        fixture.finish()
    finally:
        _clock.stop(None)


@pytest.fixture
def sequent_workflow(sequent_app: Sequent, _sequent_stage: Stage | None) -> Iterator[WorkflowFixture]:
    """When an event, then commands: what the application's workflows want to happen."""
    fixture = WorkflowFixture(sequent_app, _sequent_stage)
    try:
        yield fixture
        fixture.finish()
    finally:
        _clock.stop(None)


@pytest.fixture
def sequent_projector(_sequent_app_with_tables: Sequent, _sequent_connection: Connection) -> Iterator[ProjectorFixture]:
    """The application's projectors on real, empty view tables."""
    with projecting(_sequent_app_with_tables, _sequent_connection) as fixture:
        yield fixture


@pytest.fixture(scope="session")
def _sequent_app_with_tables(sequent_app: Sequent, request: pytest.FixtureRequest) -> Iterator[Sequent]:
    os.environ["SEQUENT_ENV"] = "test"
    url: str | None = request.config.getoption("--sequent-database")
    app = sequent_app.on(url or Configuration.load().database_url)
    if url:
        create_event_store(app)
    create_view_tables(app)
    yield app
    app.engine.dispose()


@pytest.fixture
def _sequent_connection(_sequent_app_with_tables: Sequent) -> Iterator[Connection]:
    # One for all fixtures of a test: SQLite has one writer.
    with undone(_sequent_app_with_tables) as connection:
        yield connection


@pytest.fixture
def _sequent_stage(request: pytest.FixtureRequest) -> Stage | None:
    if not request.config.getoption("--sequent-database"):
        return None
    app: Sequent = request.getfixturevalue("_sequent_app_with_tables")
    connection: Connection = request.getfixturevalue("_sequent_connection")
    return Stage.on(app, connection)
