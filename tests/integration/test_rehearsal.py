"""`sequent projectors replay rehearse` replays without keeping anything."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from sequent_sa import Projector, ReplayError, Sequent, on
from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.discarding import DiscardingPersistor
from sequent_sa.projections.projector_states import read_states
from sequent_sa.replay import replay_state
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.meter import Progress
from sequent_sa.replay.rehearsal import Rehearsal, rehearse
from tests import blog
from tests.blog import AddPost, PostAdded, PostRecord, PostTitleChanged
from tests.databases import Database
from tests.integration.command_line import CommandLine
from tests.integration.test_replay import StorePostProjector, add_posts, context, go_through, in_store, titles, upgraded
from tests.integration.test_replay_processes import GatedCommandLine, at_the_gate, is_alive, wait_for


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """The command line works on stores that were made by migrations."""
    return migrated_database


@pytest.fixture
def gated(
    app: Sequent, database: Database, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GatedCommandLine]:
    """The command line, with posts to rehearse."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="gate"))
    add_posts(app, 23)
    monkeypatch.setenv("GATE", str(tmp_path))
    found = GatedCommandLine(database.url, tmp_path, command_line)
    yield found
    found.close()


def rehearsed(app: Sequent, *projectors: type[Projector], **options: object) -> Rehearsal:
    """What a rehearsal in this process finds."""
    return rehearse(context(app, **options), projectors, lambda _: None, lambda _: None)


def left(app: Sequent, database: Database) -> tuple[object, ...]:
    """All that a replay would write down or leave."""
    with app.engine.connect() as connection:
        states = {name: (s.active_version, s.replaying_version) for name, s in read_states(connection).items()}
        groups = connection.scalar(text(f"SELECT count(*) FROM {in_store(database, 'replay_groups')}"))
        begun = replay_state.latest(connection)
        schemas = inspect(connection).get_schema_names()
    beside = Path(f"{app.engine.url.database}-replay").exists()
    return states, groups, begun, "replay_schema" in schemas, beside


NOTHING = ({"PostProjector": (1, None)}, 0, None, False, False)


def test_a_rehearsal_counts_and_keeps_nothing(app: Sequent, database: Database) -> None:
    """Events and rows are those that a replay of the new version would have; nothing is written anywhere."""
    add_posts(app, 12)
    new = upgraded(database)
    shown: list[Progress] = []
    done = rehearse(context(new), new.projectors, lambda _: None, shown.append)
    assert (36, {"post_records": 12}, [], []) == (done.progress.done, dict(done.rows), list(done.errors), done.left_out)
    assert done.progress.groups == done.progress.groups_done > 1
    assert ("rehearse", 36, 36) == (shown[-1].step, shown[-1].done, shown[-1].events)
    assert NOTHING == left(app, database)
    assert 12 == len(titles(app))
    new.engine.dispose()


def test_a_rehearsal_beside_a_replay(app: Sequent) -> None:
    """Neither minds the other."""
    add_posts(app, 5)
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    assert {"post_records": 5} == dict(rehearsed(app, *app.projectors).rows)
    replay.run()
    assert {"post_records": 5} == dict(rehearsed(app, *app.projectors).rows)
    replay.abort()
    go_through(Replay.create(context(app), app.projectors))
    assert 5 == len(titles(app))


class Failing(blog.PostProjector, name="PostProjector"):
    """Fails at two posts."""

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        if event.title in ("ben 3", "ben 11"):
            raise RuntimeError(f"not {event.title}")
        super().title_changed(event)


def test_every_group_that_fails_is_reported(app: Sequent) -> None:
    """One error does not keep the others from being found, and what went well is counted."""
    add_posts(app, 16)
    done = rehearsed(app, Failing, group_size=6)
    assert 2 == len(done.errors)
    assert {"not ben 3", "not ben 11"} == {error["message"].rpartition("RuntimeError: ")[2] for error in done.errors}
    assert {"sequent_sa.exceptions.projections.PublishEventError"} == {error["type"] for error in done.errors}
    assert all("in title_changed" in error["traceback"] for error in done.errors)
    assert 8 <= done.rows["post_records"] <= 14


class Refused(blog.PostProjector, name="PostProjector"):
    """Writes rows that the table does not take."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        twice = event.author == "twice"
        for _ in range(1 + twice):
            self.create_record(PostRecord, aggregate_id=event.aggregate_id, author=event.author)
        if not twice:
            self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"author": None})


@pytest.mark.parametrize(
    ("author", "complaint"),
    [
        ("twice", "post_records has a row with the key"),
        ("ben", "has no author, which must have"),
    ],
)
def test_rows_that_a_table_would_refuse_are_found(app: Sequent, author: str, complaint: str) -> None:
    """Without asking the database: two rows with one key, and a value that is missing."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=author, title="t"))
    done = rehearsed(app, Refused)
    assert [True] == [complaint in error["message"] for error in done.errors]


def test_what_is_replayed_by_store_is_left_out(app: Sequent) -> None:
    """It works on tables, of which a rehearsal has none; alone it cannot be rehearsed."""
    add_posts(app, 2)
    with pytest.raises(ReplayError, match="PostProjector cannot be rehearsed: what is replayed by store needs"):
        rehearsed(app, StorePostProjector)

    class Other(Projector, manages_tables=None):
        """Handles events and writes nothing."""

        @on(PostAdded)
        def added(self, event: PostAdded) -> None:
            assert event.author == "ben"

    done = rehearsed(app, Other, StorePostProjector)
    assert (2, {}, ["PostProjector"]) == (done.progress.done, dict(done.rows), done.left_out)


def test_discarded_rows_are_loaded_nowhere(app: Sequent) -> None:
    """Whoever tries to gets an error, and the rows are gone when they were counted."""
    persistor = DiscardingPersistor()
    persistor.insert(PostRecord, [PostRecord(aggregate_id=app.new_uuid(), author="ben")])
    with app.engine.connect() as connection, pytest.raises(ProjectorError, match="the rows of a rehearsal are not for"):
        persistor.load(connection)
    assert {"post_records": 1} == dict(persistor.discard())
    assert {} == dict(persistor.discard())
    with app.session() as session:
        assert [] == session.scalars(select(PostRecord)).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_command_says_how_fast_and_what_goes_wrong(
    app: Sequent, database: Database, gated: GatedCommandLine, workers: int
) -> None:
    """As text, and as JSON with progress; the exit status tells a script."""
    (gated.gate / "open").write_text("go")
    out = gated.succeeds(f"rehearse PostProjector --workers {workers} --group-size 10")
    assert "rehearsed 71 events in " in out
    assert "post_records: 24 rows" in out
    (gated.gate / "open").write_text("fail")
    code, out, err = gated.run(f"rehearse --workers {workers} --group-size 10")
    assert 1 == code
    assert "no way through" in err
    assert "1 of " in err.splitlines()[-1]
    assert "Traceback" not in err
    code, out, err = gated.run(f"rehearse --workers {workers} --group-size 10 --json")
    printed = [json.loads(line) for line in out.splitlines()]
    assert (1, "") == (code, err)
    assert any(each.get("progress", {}).get("step") == "rehearse" for each in printed)
    (error,) = printed[-1]["rehearsal"]["errors"]
    assert "in wait_at" in error["traceback"]
    assert NOTHING == left(app, database)


@pytest.mark.parametrize("how", ["interrupt", "kill", "kill worker"])
def test_nothing_is_left_of_one_that_did_not_end(
    app: Sequent, database: Database, gated: GatedCommandLine, how: str
) -> None:
    """Ctrl-C, kill -9 of the process, or of a worker: no process stays, nothing is written, and the next one works."""
    running = gated.start("rehearse --workers 2 --group-size 10")
    worker = at_the_gate(gated)
    if how == "interrupt":
        os.killpg(running.pid, signal.SIGINT)
    else:
        os.kill(running.pid if how == "kill" else worker, signal.SIGKILL)
    _, err = running.communicate(timeout=120)
    wait_for(lambda: not is_alive(worker))
    expected = {"interrupt": (130, "Interrupted."), "kill": (-9, ""), "kill worker": (1, err.strip())}[how]
    assert expected == (running.returncode, err.strip())
    assert how != "kill worker" or "(killed by signal 9): nothing is left of the rehearsal" in err
    assert NOTHING == left(app, database)
    (gated.gate / "open").write_text("go")
    assert "post_records: 24 rows" in gated.succeeds("rehearse")
