"""Which versions of a projector are active, activating and replaying, as they are written down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from sequent_sa import Projector, Sequent
from sequent_sa.projections.projector_states import ProjectorState, ProjectorStates, read_states
from sequent_sa.tables import projector_states
from tests.databases import Database


class First(Projector, manages_tables=None, version=2):
    pass


class Second(Projector, manages_tables=None, version=5):
    pass


class FirstAgain(First, name="First", version=1):
    """Of a lower version."""


@pytest.fixture
def app(migrated_database: Database) -> Iterator[Sequent]:
    """An application whose projectors were never active."""
    app = Sequent(migrated_database.url, projectors=[First, Second], environment="test")
    yield app
    app.engine.dispose()


@pytest.fixture
def states(app: Sequent) -> ProjectorStates:
    """What changes the states."""
    return ProjectorStates(app.dialect)


@pytest.fixture
def connection(app: Sequent) -> Iterator[Connection]:
    """A transaction that may change them."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        yield connection


def versions(connection: Connection) -> dict[str, tuple[int | None, int | None, int | None]]:
    """Active, activating and replaying, by name."""
    return {
        name: (state.active_version, state.activating_version, state.replaying_version)
        for name, state in read_states(connection).items()
    }


def test_each_change_sets_one_version(states: ProjectorStates, connection: Connection) -> None:
    """Replaying and activating take each other's place and leave the active one; active ends both; others stay."""
    states.register_active(connection, [FirstAgain, Second])
    states.register_replaying(connection, [First])
    assert {"First": (1, None, 2), "Second": (5, None, None)} == versions(connection)
    states.register_activating(connection, [First])
    assert {"First": (1, 2, None), "Second": (5, None, None)} == versions(connection)
    states.register_replaying(connection, [First])
    assert {"First": (1, None, 2), "Second": (5, None, None)} == versions(connection)
    states.register_active(connection, [First])
    assert {"First": (2, None, None), "Second": (5, None, None)} == versions(connection)
    for change in (states.register_active, states.register_activating, states.register_replaying):
        change(connection, [])
    assert {"First": (2, None, None), "Second": (5, None, None)} == versions(connection)


@pytest.mark.parametrize("projector", [First, FirstAgain], ids=["same", "lower"])
def test_a_version_need_not_be_higher(
    states: ProjectorStates, connection: Connection, projector: type[Projector]
) -> None:
    """The same one, or one before it, is replayed and becomes active like any other."""
    states.register_active(connection, [First])
    states.register_replaying(connection, [projector])
    assert {"First": (2, None, projector.version)} == versions(connection)
    states.register_active(connection, [projector])
    assert {"First": (projector.version, None, None)} == versions(connection)


@pytest.mark.parametrize("register", [ProjectorStates.register_replaying, ProjectorStates.register_activating])
def test_an_aborted_replay_leaves_what_is_active(
    states: ProjectorStates, connection: Connection, register: object
) -> None:
    """A projector that never was active is forgotten, so that it is missed; one that was not replayed stays."""
    assert callable(register)
    states.register_active(connection, [FirstAgain])
    register(states, connection, [First, Second])
    states.abort_replaying(connection, ["Second"])
    assert ["First"] == list(versions(connection))
    assert (None, None) != versions(connection)["First"][1:]
    states.abort_replaying(connection, ["First"])
    assert {"First": (1, None, None)} == versions(connection)


def test_a_replay_outlives_that_its_projector_is_deactivated(states: ProjectorStates, connection: Connection) -> None:
    """Only those that are named are deactivated."""
    states.register_active(connection, [FirstAgain, Second])
    states.register_replaying(connection, [First])
    states.deactivate(connection, ["First", "Nobody"])
    assert {"First": (None, None, 2), "Second": (5, None, None)} == versions(connection)
    assert ProjectorState("Second", 5) == read_states(connection)["Second"]


def test_nothing_is_replayed_and_activated_at_once(app: Sequent) -> None:
    """The database refuses it, whoever writes it."""
    row = {"name": "First", "activating_version": 1, "replaying_version": 1}
    with (
        pytest.raises(IntegrityError, match="replaying_conflicts_with_activating"),
        app.dialect.writing(app.engine) as connection,
        connection.begin(),
    ):
        connection.execute(insert(projector_states), row)
