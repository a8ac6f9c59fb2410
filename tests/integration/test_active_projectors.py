"""Only projectors whose version is active get events, and who changes that does so while nobody is at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, func, select, text

from sequent_sa import (
    DifferentProjectorVersionIsActive,
    LockTimeout,
    Projector,
    ReplayError,
    Sequent,
    UnknownActiveProjector,
    Workflow,
    on,
)
from sequent_sa.dialects.sqlite import connections
from sequent_sa.exceptions import ProjectorIsActivating
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector_states import ProjectorStates
from sequent_sa.tables import events, projector_states
from tests.databases import Database, PostgreSQLDatabases
from tests.releases import AddNote, NoteAdded, NoteCommandHandler, NoteRecord, changed, first

SECONDS = 30.0

Change = Callable[[ProjectorStates, Connection], object]


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The first release, with its projector active."""
    app = first.app.on(database.url)
    app.create_all()
    yield app
    app.engine.dispose()


def change_states(app: Sequent, change: Change, seconds: float = SECONDS) -> None:
    """Change what is active."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        change(ProjectorStates(app.dialect, seconds), connection)


def add(app: Sequent) -> None:
    """Add a note."""
    app.execute_commands(AddNote(aggregate_id=app.new_uuid(), by="ben"))


def rows(app: Sequent) -> tuple[int, int]:
    """The numbers of events and of notes that are shown."""
    with app.session() as session:
        return (
            session.scalar(select(func.count()).select_from(events)) or 0,
            session.scalar(select(func.count()).select_from(NoteRecord)) or 0,
        )


def test_a_projector_that_is_only_replayed_gets_nothing(app: Sequent) -> None:
    """Without a word, in every environment; workflows get the event all the same."""
    heard: list[NoteAdded] = []

    class Hearing(Workflow):
        @on(NoteAdded)
        def hear(self, event: NoteAdded) -> None:
            heard.append(event)

    both = Sequent(
        app.engine,
        command_handlers=[NoteCommandHandler],
        projectors=app.projectors,
        workflows=[Hearing],
        environment="development",
    )
    change_states(app, lambda states, connection: states.deactivate(connection, ["NoteProjector"]))
    change_states(app, lambda states, connection: states.register_replaying(connection, app.projectors))
    add(both)
    assert (1, 0) == rows(app)
    assert len(heard) == 1


def test_nothing_is_stored_while_a_projector_is_activated(app: Sequent) -> None:
    """Neither by the code that has the version that becomes active, nor by the code that had the active one."""
    change_states(app, lambda states, connection: states.register_activating(connection, changed.app.projectors))
    new = changed.app.on(app.engine)
    for each in (app, new):
        with pytest.raises(ProjectorIsActivating, match="NoteProjector is being activated: execute the command again"):
            add(each)
    change_states(app, lambda states, connection: states.register_active(connection, changed.app.projectors))
    add(new)
    with pytest.raises(DifferentProjectorVersionIsActive, match="version 2 is active, this code has version 1"):
        add(app)
    assert (1, 1) == rows(app)


@pytest.mark.parametrize("state", ["active", "activating"])
def test_code_without_a_projector_that_is_active_stores_nothing(app: Sequent, state: str) -> None:
    """Also when it is still being activated, and whatever the events are."""

    class Stranger(Projector, manages_tables=None):
        """Handles no event at all."""

    register = ProjectorStates.register_active if state == "active" else ProjectorStates.register_activating
    change_states(app, lambda states, connection: register(states, connection, [Stranger]))
    with pytest.raises(UnknownActiveProjector, match="sequent projectors deactivate Stranger"):
        add(app)
    assert (0, 0) == rows(app)
    change_states(app, lambda states, connection: states.deactivate(connection, ["Stranger"]))
    add(app)
    assert (1, 1) == rows(app)


def test_all_projectors_are_looked_at_for_every_event(app: Sequent) -> None:
    """Also those that do not handle the events at hand."""

    class Other(Projector, manages_tables=None, version=2):
        """Handles no event at all."""

    change_states(app, lambda states, connection: states.register_active(connection, [Other]))
    Other.version = 3
    with pytest.raises(DifferentProjectorVersionIsActive, match="Other version 2 is active, this code has version 3"):
        add(Sequent(app.engine, command_handlers=[NoteCommandHandler], projectors=[*app.projectors, Other]))


def test_creating_everything_again_changes_nothing(app: Sequent) -> None:
    """A script that begins with it can run a second time; what came in the meantime is projected as before."""
    add(app)
    app.create_all()
    app.activate_projectors()
    add(app)
    assert (2, 2) == rows(app)


def test_a_table_that_is_made_again_is_not_taken_for_full(app: Sequent) -> None:
    """Its rows are gone with the one that was there: only a replay brings them back."""
    add(app)
    table = record_table(NoteRecord).table
    with app.dialect.writing(app.engine) as connection, connection.begin():
        table.drop(connection)
    with pytest.raises(ReplayError, match="NoteProjector cannot be activated without a replay"):
        app.create_all()
    with app.engine.connect() as connection:
        assert table.name not in app.dialect.view_tables(connection)


def test_projectors_are_activated_without_a_replay_only_before_their_first_event(
    app: Sequent, database: Database
) -> None:
    """Afterwards their tables would lack what has happened."""
    new = changed.app.on(database.url)
    new.activate_projectors()
    add(new)
    with pytest.raises(ReplayError, match="NoteProjector cannot be activated without a replay, its events exist"):
        app.activate_projectors()
    with app.session() as session:
        assert session.scalars(select(projector_states.c.active_version)).all() == [2]

    class Other(Projector, manages_tables=None):
        """Handles no event of those that exist."""

    Sequent(app.engine, projectors=[Other]).activate_projectors()
    with app.session() as session:
        assert sorted(session.scalars(select(projector_states.c.name))) == ["NoteProjector", "Other"]
    new.engine.dispose()


def test_a_command_waits_for_a_change_in_progress_and_sees_it(app: Sequent) -> None:
    """It began before the change was committed, and stops as if it had come after it."""
    add(app)  # from now on it knows, and does not ask first
    with ThreadPoolExecutor(1) as pool:
        with app.dialect.writing(app.engine) as connection, connection.begin():
            ProjectorStates(app.dialect).register_active(connection, changed.app.projectors)
            waiting = pool.submit(add, app)
            if app.dialect.name == "postgresql":
                wait_until(lambda: blocked(app) == 1)
        with pytest.raises(DifferentProjectorVersionIsActive, match="version 2 is active, this code has version 1"):
            waiting.result(SECONDS)
    assert (1, 1) == rows(app)


def test_a_change_waits_for_transactions_that_count_on_what_is_active(app: Sequent, database: Database) -> None:
    """What they project is committed before the new version is active."""
    other = app.on(database.url)
    seen: list[tuple[int, int]] = []

    def change(states: ProjectorStates, connection: Connection) -> None:
        states.register_active(connection, changed.app.projectors)
        seen.append(rows(other))

    with ThreadPoolExecutor(1) as pool:
        with app.unit_of_work() as unit:
            add(app)
            with unit.transaction.reading():
                waiting = pool.submit(change_states, other, change)
        waiting.result(SECONDS)
    assert [(1, 1)] == seen
    other.engine.dispose()


def test_a_change_gives_up_after_a_while(app: Sequent, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a transaction does not end, the error says so, and nothing has changed."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.3)
    other = app.on(database.url)
    with app.unit_of_work() as unit:
        add(app)
        with (
            unit.transaction.reading(),
            pytest.raises(Exception, match=r"could not be locked|database is locked") as caught,
        ):
            change_states(other, lambda states, connection: states.deactivate(connection, ["NoteProjector"]), 0.3)
        assert isinstance(caught.value, LockTimeout) or not database.is_postgresql
    assert (1, 1) == rows(app)
    other.engine.dispose()


def test_commands_get_through_between_the_attempts_of_a_change(postgresql_databases: PostgreSQLDatabases) -> None:
    """Whoever wants to change what is active does not make the application queue up behind him."""
    database = postgresql_databases.create()
    app = first.app.on(database.url)
    app.create_all()
    add(app)  # nobody has to wait for whoever stores a type first
    other = app.on(database.url)
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with app.unit_of_work() as unit:
            add(app)
            with unit.transaction.reading():
                change = pool.submit(
                    change_states, other, lambda states, connection: states.deactivate(connection, ["NoteProjector"])
                )
                change.add_done_callback(lambda _: done.set())
                wait_until(lambda: blocked(app) == 1)
                worker = app.on(database.url)
                with ThreadPoolExecutor(1) as commands:
                    for _ in range(5):
                        commands.submit(add, worker).result(SECONDS)
                assert not done.is_set()
        change.result(SECONDS)
    assert (7, 7) == rows(app)
    add(app)
    assert (8, 7) == rows(app)
    for each in (app, other, worker):
        each.engine.dispose()


def blocked(app: Sequent) -> int:
    """How many wait for a lock on the states."""
    with app.engine.connect() as connection:
        waiting = connection.scalar(
            text(
                "SELECT count(*) FROM pg_locks WHERE NOT granted "
                "AND relation = 'sequent_schema.projector_states'::regclass"
            )
        )
        return int(waiting or 0)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    give_up_at = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)
