"""Which replays there can be, and which steps they can take from where they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from sequent_sa import Projector, ReplayError, Sequent
from sequent_sa.replay import progress, replay_state
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loader import Loader
from sequent_sa.replay.replay_state import State
from sequent_sa.tables import replay_groups, replay_states
from tests import blog
from tests.integration.test_replay import add_posts, context, titles

ENDED = {State.LIVE, State.ABORTED}
STEPS: dict[str, tuple[Callable[[Replay], object], set[State]]] = {
    "prepare": (Replay.prepare, {State.CREATED}),
    "run": (Replay.run, {State.PREPARED, State.REPLAYING, State.FAILED}),
    "catch up": (Replay.catch_up, {State.REPLAYED, State.CATCHING_UP, State.OPTIMIZED}),
    "optimize": (Replay.optimize, {State.REPLAYED}),
    "go live": (Replay.go_live, {State.OPTIMIZED}),
    "abort": (Replay.abort, set(State) - ENDED),
}


class Stranger(Projector, manages_tables=None):
    """Of no application."""


def put(app: Sequent, **values: object) -> None:
    """Write something into the row of every replay."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(replay_states).values(**values))


def add_row(app: Sequent) -> None:
    """Write down another replay, without looking."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        row = {"state": State.CREATED.value, "projectors": [], "projector_versions": {}}
        connection.execute(insert(replay_states), row)


def test_a_step_is_refused_in_every_state_that_it_does_not_fit(app: Sequent) -> None:
    """It names the states that it does, and where the replay stands, which does not change."""
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    refused = 0
    for state in State:
        put(app, state=state.value)
        for name, (step, fitting) in STEPS.items():
            if state in fitting:
                continue
            with pytest.raises(ReplayError) as caught:
                step(replay)
            said = str(caught.value)
            assert said.startswith(f"a replay can {name} only when it is ")
            assert said.endswith(
                f"; this one is {state.value}: `sequent projectors replay status` says what comes next"
            )
            assert all(each.value in said for each in fitting)
            assert state == replay.state
            refused += 1
    assert 9 * 6 - 16 == refused


def test_the_database_knows_the_states(app: Sequent) -> None:
    """Whoever writes another one is refused."""
    Replay.create(context(app), app.projectors)
    with pytest.raises(IntegrityError, match="valid_replay_state"):
        put(app, state="paused")


def test_one_replay_is_in_progress_at_most(app: Sequent, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that failed stands in the way of another one too; one that has ended does not."""
    Replay.create(context(app), app.projectors)
    for state in State:
        put(app, state=state.value)
        if state in ENDED:
            with app.engine.connect() as connection:
                assert replay_state.in_progress(connection) is None
            continue
        with pytest.raises(ReplayError, match=rf"a replay of PostProjector is in progress \(state {state.value}\)"):
            Replay.create(context(app), app.projectors)
        with pytest.raises(IntegrityError):
            add_row(app)
    put(app, state=State.FAILED.value)
    monkeypatch.setattr(replay_state, "refuse_in_progress", lambda _: None)  # as if both had looked at once
    with pytest.raises(ReplayError, match="another process began a replay at the same moment"):
        Replay.create(context(app), app.projectors)
    put(app, state=State.LIVE.value)
    Replay.create(context(app), app.projectors)
    with app.engine.connect() as connection:
        assert ["live", "created"] == connection.scalars(select(replay_states.c.state).order_by("id")).all()


@pytest.mark.parametrize(
    ("projectors", "complaint"),
    [
        ([], "a replay needs at least one projector"),
        ([Stranger], "Stranger'> cannot be replayed: it is no projector of this application"),
        ([blog.PostProjector, blog.WelcomeWorkflow], "WelcomeWorkflow'> cannot be replayed: it is no projector"),
    ],
    ids=["none", "stranger", "workflow"],
)
def test_what_cannot_be_replayed_is_named(app: Sequent, projectors: Any, complaint: str) -> None:
    """Nothing is written down."""
    with pytest.raises(ReplayError, match=complaint):
        Replay.create(context(app), projectors)
    assert Replay.resume(context(app)) is None


def test_one_process_does_it_all_where_others_could_not_import_the_application(app: Sequent) -> None:
    """And says so."""
    add_posts(app, 5)
    said: list[str] = []
    replay = Replay.create(context(app, workers=2), app.projectors, said.append)
    replay.prepare()
    replay.run()
    assert ["prepared post_records", "one process does it all"] == [said[0], said[1].partition(":")[0]]
    assert said[2].startswith("replayed 15 events in ")


def test_a_database_in_memory_has_no_place_for_copies() -> None:
    """It says what it needs."""
    app = blog.new_app("sqlite://")
    app.create_all()
    replay = Replay.create(context(app), app.projectors)
    with pytest.raises(ReplayError, match="a replay needs a database file of its own: an in-memory SQLite database"):
        replay.prepare()
    app.engine.dispose()


def loader_of(app: Sequent) -> Loader:
    """What fills the copies for the replay in progress: one that a process holds for longer than it should."""
    with app.engine.connect() as connection:
        row = replay_state.in_progress(connection)
    assert row is not None
    return context(app).loader(row)


def mark_of(app: Sequent) -> str:
    """Until now."""
    with app.engine.begin() as connection:
        return app.dialect.position_mark(connection)


def test_a_group_that_another_process_has_loaded_is_not_loaded_again(app: Sequent) -> None:
    """A worker whose parent died and its successor may both be at it: the second one stores nothing."""
    add_posts(app, 3)
    replay = Replay.create(context(app, group_size=1_000), app.projectors)
    replay.prepare()
    replay.run()
    loader_of(app).load(Group(1), mark_of(app))
    replay.optimize()
    replay.go_live()
    assert [("ben 0", 1), ("ben 1", 1), ("ben 2", 1)] == titles(app)


def test_what_another_process_has_caught_up_with_is_not_loaded_again(
    app: Sequent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second writes nothing, and says that there is somebody else."""
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    replay.run()
    add_posts(app, 3)
    with loader_of(app).twins.loading() as connection:
        before = progress.window(connection, replay._id)
    monkeypatch.setattr("sequent_sa.replay.loader._EVENTS_A_TRANSACTION", 4)
    follow, portions = progress.advance, list[object]()

    def advance_and_stop(*arguments: Any) -> object:
        portions.append(arguments)
        if len(portions) == 2:
            raise KeyboardInterrupt
        return follow(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(progress, "advance", advance_and_stop)
        with pytest.raises(KeyboardInterrupt):
            replay.catch_up()
    with monkeypatch.context() as patch:
        patch.setattr(progress, "window", lambda *_: before)
        with pytest.raises(ReplayError, match="another process goes on with this replay"):
            loader_of(app).catch_up()
    replay.catch_up()  # from where the first one was interrupted
    replay.optimize()
    replay.go_live()
    assert [("ben 0", 1), ("ben 1", 1), ("ben 2", 1)] == titles(app)


@pytest.mark.parametrize("step", ["load", "catch up"])
def test_an_orphan_writes_nothing_into_the_next_replay(app: Sequent, step: str) -> None:
    """Its own was ended; that there are copies again does not make them its copies."""
    add_posts(app, 3)
    former = Replay.create(context(app, group_size=1_000), app.projectors)
    former.prepare()
    former.run()
    orphan = loader_of(app)
    add_posts(app, 2, "late")
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(replay_groups).values(finished_at=None))
    former.abort()
    replay = Replay.create(context(app, group_size=1_000), app.projectors)
    replay.prepare()
    mark = mark_of(app)
    attempts: dict[str, Callable[[], object]] = {
        "load": lambda: orphan.load(Group(1), mark),
        "catch up": orphan.catch_up,
    }
    with pytest.raises(ReplayError, match="this replay was ended by another process"):
        attempts[step]()
    replay.take_all_steps()
    assert ["ben 0", "ben 1", "ben 2", "late 0", "late 1"] == [title for title, _ in titles(app)]
