"""`sequent projectors`, on real databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import insert, select, update

from sequent_sa import (
    DifferentProjectorVersionIsActive,
    Projector,
    ProjectorNeverActivated,
    Sequent,
    UnknownActiveProjector,
    on,
)
from sequent_sa.projections.projector_states import read_states
from sequent_sa.replay.engine import Replay
from sequent_sa.tables import projector_states
from tests import blog
from tests.blog import AddPost
from tests.databases import Database
from tests.integration.command_line import CommandLine
from tests.integration.test_replay import add_posts, context, titles, upgraded

Run = Callable[[str], tuple[int, str]]


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """The command line works on stores that were made by migrations."""
    return migrated_database


@pytest.fixture
def sequent_command(app: Sequent, database: Database, command_line: CommandLine) -> Run:
    """Runs `sequent ...`; the exit status, and what it printed last."""

    def run(command: str) -> tuple[int, str]:
        done = command_line(command, url=database.url)
        return done.status, done.lines()[-1]

    return run


def test_a_projector_can_be_deactivated(app: Sequent, sequent_command: Run) -> None:
    """It gets no events from then on; a name that nobody knows is a clear error, and changes nothing."""
    status, line = sequent_command("projectors deactivate Nobody")
    assert (1, "Error: Nobody is not known to this database: `sequent projectors list` shows what is") == (status, line)
    assert (0, "PostProjector inactive") == sequent_command("projectors deactivate PostProjector")
    add_posts_without_records(app)
    with app.engine.begin() as connection:
        assert read_states(connection)["PostProjector"].active_version is None


def test_projectors_that_no_code_has_can_be_deactivated(app: Sequent, sequent_command: Run) -> None:
    """All of them, and only they; when there are none nothing is written."""
    assert (0, "no projector inactive") == sequent_command("projectors deactivate --unknown")
    with app.engine.begin() as connection:
        before = read_states(connection)
        rows = [{"name": name, "active_version": 1} for name in ("Former", "Another")]
        connection.execute(insert(projector_states), rows)
    assert (0, "Another, Former inactive") == sequent_command("projectors deactivate --unknown")
    with app.engine.begin() as connection:
        states = read_states(connection)
    assert [None, None] == [states.pop(name).active_version for name in ("Another", "Former")]
    assert before == states
    status, line = sequent_command("projectors deactivate")
    assert (2, True) == (status, "Give the names of projectors, or --unknown." in line)
    assert 2 == sequent_command("projectors deactivate PostProjector --unknown")[0]


def add_posts_without_records(app: Sequent) -> None:
    """Add a post whose projector sleeps."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="unseen"))
    with app.session() as session:
        assert session.scalars(select(blog.PostRecord)).all() == []


def test_a_replay_that_other_code_began_can_be_aborted(app: Sequent, database: Database, sequent_command: Run) -> None:
    """The old code ends the replay of the new version; then there is none to end."""
    new = upgraded(database)
    Replay.create(context(new), new.projectors).prepare()
    idle = "no replay is in progress; begin one: sequent projectors replay prepare"
    assert (0, idle) == sequent_command("projectors replay abort")
    status, line = sequent_command("projectors replay abort")
    assert (1, True) == (status, line.startswith("Error: no replay is in progress"))
    new.engine.dispose()


def test_code_that_lacks_an_active_projector_stops(app: Sequent, database: Database) -> None:
    """Its events would be missing in that projector's tables, so nothing is stored."""
    without = Sequent(database.url, command_handlers=[blog.PostCommandHandler], environment="test")
    with pytest.raises(UnknownActiveProjector, match="sequent projectors deactivate PostProjector"):
        add_posts(without, 1)
    assert not without.repository.contains_aggregate(app.new_uuid())
    without.engine.dispose()


def test_a_projector_that_was_never_activated_is_an_error_before_production(database: Database) -> None:
    """In production the command goes through, and the projector gets nothing."""
    app = blog.new_app(database.url)
    app.create_all()

    class Unseen(Projector, manages_tables=None):
        """A new projector."""

        @on(blog.PostAdded)
        def added(self, event: blog.PostAdded) -> None:
            raise AssertionError(f"{event} reached a projector that is not active")

    def configured(environment: str) -> Sequent:
        return Sequent(
            database.url,
            command_handlers=[blog.PostCommandHandler],
            projectors=[blog.PostProjector, Unseen],
            environment=environment,
        )

    strict, lenient = configured("development"), configured("production")
    with pytest.raises(ProjectorNeverActivated, match="Unseen was never activated"):
        add_posts(strict, 1)
    add_posts(lenient, 1)
    for each in (app, strict, lenient):
        each.engine.dispose()


class RenamedProjector(blog.PostProjector, aliases=["PostProjector"]):
    """The projector of the blog under a new name."""


class RenamedAndChanged(blog.PostProjector, name="RenamedProjector", aliases=["PostProjector"], version=2):
    """The same, later."""


def states(app: Sequent) -> dict[str, tuple[int | None, int | None]]:
    """The active and the replaying version of each projector."""
    with app.engine.connect() as connection:
        return {
            name: (state.active_version, state.replaying_version) for name, state in read_states(connection).items()
        }


def test_a_renamed_projector_stays_active(app: Sequent, database: Database) -> None:
    """Without a replay, and beside code that knows it by its old name."""
    new = upgraded(database, RenamedProjector)
    add_posts(new, 1)
    add_posts(app, 1, "kim")
    assert len(titles(app)) == 2
    assert states(app) == {"PostProjector": (1, None)}
    new.engine.dispose()


@pytest.mark.parametrize("live", [True, False])
def test_a_renamed_projector_is_replayed(app: Sequent, database: Database, live: bool) -> None:
    """The old code projects until the new version is live, which then has one row, under the new name."""
    add_posts(app, 2)
    new = upgraded(database, RenamedAndChanged)
    with pytest.raises(DifferentProjectorVersionIsActive, match="RenamedProjector version 1 is active"):
        add_posts(new, 1, "early")
    replay = Replay.create(context(new), new.projectors)
    replay.prepare()
    assert states(app) == {"PostProjector": (1, None), "RenamedProjector": (None, 2)}
    add_posts(app, 1, "kim")
    if not live:
        replay.abort()
        assert states(app) == {"PostProjector": (1, None)}
        add_posts(app, 1, "eve")
    else:
        replay.run()
        replay.catch_up()
        replay.optimize()
        replay.go_live()
        assert states(app) == {"RenamedProjector": (2, None)}
        with pytest.raises(UnknownActiveProjector, match="RenamedProjector"):
            add_posts(app, 1, "late")
        add_posts(new, 1, "eve")
    assert len(titles(app)) == 4
    new.engine.dispose()


def test_a_renamed_projector_can_be_deactivated_by_either_name(
    app: Sequent, database: Database, command_line: CommandLine
) -> None:
    """`sequent projectors` shows it under its present name and finds its row under the old one."""
    renamed = "tests.integration.renamed_blog:app"
    done = [
        command_line(f"projectors {words}", app=renamed, url=database.url)
        for words in ("list", "deactivate RenamedProjector", "list")
    ]
    assert [0, 0, 0] == [each.status for each in done], done[1].err
    assert ["RenamedProjector 1 active 1 post_records"] == rows(done[0].out)
    assert ["RenamedProjector 1 never activated post_records"] == rows(done[2].out)
    assert states(app) == {"PostProjector": (None, None)}


def rows(printed: str) -> list[str]:
    """The lines of a table below its heading, with single spaces."""
    return [" ".join(line.split()) for line in printed.splitlines()[1:]]


def test_the_list_shows_every_state(app: Sequent, database: Database, command_line: CommandLine) -> None:
    """Of projectors of this code, one that is being replayed, and of one that only the database knows."""
    with app.engine.begin() as connection:
        for name in ("Former", "Earlier"):
            connection.execute(insert(projector_states).values(name=name, active_version=3))
        changed = update(projector_states).where(projector_states.c.name == "PostProjector")
        connection.execute(changed.values(replaying_version=1))
    done = command_line("projectors list", url=database.url)
    others = [f"{name} active 3, not in this code" for name in ("Earlier", "Former")]
    assert ["PostProjector 1 active 1, replaying 1 post_records", *others] == rows(done.out)
