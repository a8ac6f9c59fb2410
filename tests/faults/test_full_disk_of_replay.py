"""When a replay has no more space it says so and blames no projector; with space it goes on where it was."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from sequent_sa import EventStoreError, ReplayError, Sequent
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import status
from tests.blog import AddComment, AddPost, PostRecord
from tests.integration.test_replay import context

LARGE = 5_000

_FUNCTION = "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$"
_FULL = "RAISE 'could not extend file' USING ERRCODE = 'disk_full';"


def execute(app: Sequent, *statements: str) -> None:
    """On the live database."""
    with app.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def no_space(app: Sequent) -> Generator[None, None, None]:
    """No row can be added to the twins meanwhile."""
    if app.dialect.name == "postgresql":
        execute(app, _FUNCTION.format(_FULL))
        try:
            yield
        finally:
            execute(app, _FUNCTION.format(""))
        return

    def limit(driver: Any, *_: object) -> None:
        files = [file for _, _, file in driver.execute("PRAGMA database_list")]
        if any(file.endswith("-replay") for file in files):
            ((pages,),) = driver.execute("PRAGMA page_count")
            driver.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def add(app: Sequent, *titles: str) -> None:
    """Add posts that need space; for the comment their projector reads, and so sends what it has written."""
    for title in titles:
        post_id = app.new_uuid()
        app.execute_commands(
            AddPost(aggregate_id=post_id, author="x" * LARGE, title=title), AddComment(aggregate_id=post_id, text="x")
        )


def titles(app: Sequent) -> Sequence[str | None]:
    """Of the live table."""
    with app.session() as session:
        return session.scalars(select(PostRecord.title).order_by(PostRecord.title)).all()


@pytest.fixture
def replay(app: Sequent) -> Replay:
    """It is prepared."""
    add(app, "a", "b", "c")
    if app.dialect.name == "postgresql":
        table = "view_schema.post_records"
        trigger = f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION full_disk()"
        execute(app, _FUNCTION.format(""), trigger)
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    return replay


SAID = r"(?s)^the database could not go on \(.*\): look at the space .* take the step again"


def test_a_replay_without_space_goes_on_when_there_is_some(app: Sequent, replay: Replay) -> None:
    """Each step that loads: it stays where it was, nothing half filled can go live, and the live rows stay."""
    with no_space(app), pytest.raises(EventStoreError, match=SAID):
        replay.run()
    found = status(context(app))
    assert found is not None
    assert found.error is not None
    assert (State.FAILED, "run") == (found.state, found.next_step)
    assert "sequent_sa.exceptions.event_store.EventStoreError" == found.error["type"]
    with pytest.raises(ReplayError, match="a replay can go live only when it is optimized; this one is failed"):
        replay.go_live()
    assert ["a", "b", "c"] == titles(app)
    replay.run()
    add(app, "d")
    with no_space(app), pytest.raises(EventStoreError, match=SAID):
        replay.catch_up()
    assert State.REPLAYED == replay.state
    replay.catch_up()
    replay.optimize()
    add(app, "e")
    with no_space(app), pytest.raises(EventStoreError, match=SAID):
        replay.go_live()
    assert (State.OPTIMIZED, ["a", "b", "c", "d", "e"]) == (replay.state, titles(app))
    add(app, "f")
    replay.go_live()
    assert (State.LIVE, ["a", "b", "c", "d", "e", "f"]) == (replay.state, titles(app))
