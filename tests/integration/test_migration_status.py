"""`migrate status` says in every state what stands in the way, and following it leads to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from sequent_sa import Sequent
from sequent_sa.cli.migration_display import status_data, status_lines
from sequent_sa.cli.replay_display import status_lines as replay_status_lines
from sequent_sa.migration.migration import Migration
from sequent_sa.replay import replay_state
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import status as replay_status
from sequent_sa.tables import projector_states, replay_states
from tests.databases import Database
from tests.releases import AddNote, NoteRecord, changed, extended, first

NEXT = {
    State.CREATED: ("prepare", "online"),
    State.PREPARED: ("run", "online"),
    State.REPLAYING: ("run", "online"),
    State.FAILED: ("run", "online"),
    State.REPLAYED: ("optimize", "online"),
    State.CATCHING_UP: ("catchup", "online"),
    State.OPTIMIZED: ("golive", "offline"),
}
"""What to type in each state: the step of `projectors replay`, and the half of `migrate`."""

FOLLOWED = {State.CREATED, State.CATCHING_UP, State.OPTIMIZED}
"""The ways from the other states are parts of these."""


@pytest.fixture
def new(migrated_database: Database) -> Iterator[Sequent]:
    """The changed release, on the database of the first one."""
    old = first.app.on(migrated_database.url)
    old.create_all()
    for _ in range(2):
        old.execute_commands(AddNote(aggregate_id=old.new_uuid(), by="first"))
    old.engine.dispose()
    new = changed.app.on(migrated_database.url)
    yield new
    new.engine.dispose()


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    """A history of view tables in which nothing has happened."""
    (tmp_path / "alembic" / "versions").mkdir(parents=True)
    (tmp_path / "alembic" / "env.py").write_text(
        "from alembic import context\nfrom sequent_sa.alembic import run_migrations\n"
        "from tests.releases import ViewRecord\n"
        "run_migrations(context.config.attributes['connection'].engine, target_metadata=ViewRecord.metadata)\n"
    )
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\npath_separator = os\n")
    return tmp_path / "alembic.ini"


def ignore(_: object) -> None:
    """Nobody reads it."""


def reach(new: Sequent, migration: Migration, state: State) -> Replay:
    """Begin a replay, and leave it as one is that was interrupted, killed or failed in this state."""
    replay = Replay.create(migration.context, new.projectors)
    steps: list[Callable[[], object]] = [replay.prepare, replay.run, replay.catch_up, replay.optimize]
    done = {State.CREATED: 0, State.PREPARED: 1, State.REPLAYING: 1, State.FAILED: 1, State.OPTIMIZED: 4}
    for step in steps[: done.get(state, 2)]:
        step()
    with new.dialect.writing(new.engine) as connection, connection.begin():
        if state is State.FAILED:
            replay_state.set_state(connection, replay._id, State.REPLAYING)
            replay_state.set_failed(connection, replay._id, RuntimeError("no\nway"))
        else:
            replay_state.set_state(connection, replay._id, state)
    return replay


def test_every_state_leads_to_the_end(new: Sequent, ini: Path) -> None:
    """The line that says what comes next can be typed, and what it leads to is up to date, with every row."""
    migration = Migration(new, ini)
    assert ["NoteProjector version 2 is not active: version 1 is", "next: sequent migrate online"] == status_lines(
        migration.status()
    )
    for state, (step, half) in NEXT.items():
        replay = reach(new, migration, state)
        lines = status_lines(migration.status())
        assert lines[0].startswith(f"replay of NoteProjector version 2: {state.value} since ")
        assert f"next: sequent migrate {half}" == lines[-1]
        assert ("the last attempt failed: RuntimeError: no way" in lines) is (state is State.FAILED)
        assert f"next: sequent projectors replay {step}" == replay_status_lines(replay_status(migration.context))[-1]
        with new.dialect.replaying(new.engine, 0) as alone:
            assert (alone, "a process is at work on it") == (True, status_lines(migration.status())[-1])
        if state not in FOLLOWED:
            replay.abort()
            continue
        for _ in range(2):
            following = migration.status().next_step
            if following is not None:
                getattr(migration, following)(ignore, ignore)
        assert ["everything is up to date"] == status_lines(migration.status())
        with new.session() as session:
            assert [2, 2] == session.scalars(select(NoteRecord.shown_by)).all()
    said: list[str] = []
    migration.online(said.append, ignore)
    migration.offline(said.append, ignore)
    assert ["nothing to do: everything is up to date"] * 2 == said
    for ended in (State.LIVE, State.ABORTED):
        with new.dialect.writing(new.engine) as connection, connection.begin():
            connection.execute(update(replay_states).values(state=ended.value))
        assert ["everything is up to date"] == status_lines(migration.status())
        *_, last = replay_status_lines(replay_status(migration.context))
        assert "no replay is in progress; begin one: sequent projectors replay prepare" == last


def test_what_is_for_other_code_is_said(new: Sequent, ini: Path) -> None:
    """Code of another release is not told to take a step that it cannot take."""
    replay = Replay.create(Migration(new, ini).context, new.projectors)
    old = first.app.on(new.engine)
    why = (
        "the replay in progress is of NoteProjector version 2, but this code has version 1: go on with the code that "
        "began it, or end it with `sequent projectors replay abort`"
    )
    for state in NEXT:
        with new.dialect.writing(new.engine) as connection, connection.begin():
            connection.execute(update(replay_states).values(state=state.value))
        found = Migration(old, ini).status()
        assert (why, True) == (status_lines(found)[-1], found.is_pending)
        assert why == replay_status_lines(replay_status(Migration(old, ini).context))[-1]
        data: dict[str, Any] = status_data(found)
        assert (None, None, why) == (data["next"], data["replay"]["next"], data["replay"]["foreign"])
        if state is State.CREATED:
            replay.prepare()
    Replay.resume(Migration(old, ini).context).abort()  # type: ignore[union-attr]
    assert ["everything is up to date"] == status_lines(Migration(old, ini).status())


def test_a_projector_that_this_code_does_not_have(new: Sequent, ini: Path) -> None:
    """The code stores nothing, so that it is not up to date; newer code that is live is named."""
    with new.dialect.writing(new.engine) as connection, connection.begin():
        connection.execute(insert(projector_states).values(name="IndexProjector", active_version=1))
        connection.execute(
            update(projector_states).where(projector_states.c.name == "NoteProjector").values(active_version=2)
        )
    found = Migration(new, ini).status()
    assert (True, None, ["IndexProjector"]) == (found.is_pending, found.next_step, status_data(found)["unknown"])
    assert [
        "IndexProjector is active, but this code does not have it: deploy the code that has it, or switch it off with "
        "`sequent projectors deactivate IndexProjector`"
    ] == status_lines(found)
    older = status_lines(Migration(extended.app.on(new.engine), ini).status())
    assert "NoteProjector version 1 is not active: version 2 is, which newer code has" == older[0]
