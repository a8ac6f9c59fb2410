"""While readers leave no moment for the swap, writers go on, and the swap is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from sequent_sa import LockTimeout, Sequent
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.loader import Loader
from sequent_sa.replay.replay_state import State
from tests import blog
from tests.databases import PostgreSQLDatabases
from tests.integration.test_replay import add_posts, context, titles

HOLDING = "SELECT count(*) FROM view_schema.post_records"
TRYING = """
    SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
     WHERE NOT l.granted AND l.mode = 'AccessExclusiveLock' AND c.relname = 'post_records'
"""


@pytest.fixture
def app(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    """The blog on PostgreSQL: on SQLite readers keep nobody out."""
    app = blog.new_app(postgresql_databases.create().url)
    app.create_all()
    add_posts(app, 3)
    yield app
    app.engine.dispose()


def ready(app: Sequent, lock_timeout: float) -> Replay:
    """A replay that can go live."""
    replay = Replay.create(context(app, lock_timeout=lock_timeout), app.projectors)
    replay.prepare()
    replay.run()
    replay.optimize()
    return replay


def wait_until(condition: Callable[[], object]) -> None:
    """Until it holds."""
    give_up_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up_at, "it never came to that"
        time.sleep(0.02)


def is_trying(app: Sequent) -> bool:
    """Whether the swap waits for the table."""
    with app.engine.connect() as connection:
        return bool(connection.scalar(text(TRYING)))


def test_writers_get_through_while_a_reader_holds_a_table(app: Sequent) -> None:
    """Commands end between the attempts; when the reader is gone the swap succeeds, with every row."""
    replay = ready(app, lock_timeout=120)
    with ThreadPoolExecutor(1) as pool:
        with app.engine.connect() as reader:
            reader.execute(text(HOLDING))
            going = pool.submit(replay.go_live)
            for number in range(4):
                wait_until(lambda: is_trying(app))
                add_posts(app, 1, f"kim {number}")
            assert not going.done()
        going.result(60)
    assert State.LIVE == replay.state
    assert 7 == len(titles(app))
    add_posts(app, 1, "eve")
    assert 8 == len(titles(app))


def test_a_swap_that_never_has_a_moment_gives_up(app: Sequent) -> None:
    """The time limit holds for all attempts together; nothing has changed, and it can be tried again."""
    replay = ready(app, lock_timeout=1.5)
    with app.engine.connect() as reader:
        reader.execute(text(HOLDING))
        with pytest.raises(
            LockTimeout, match=r"no moment to go live within 1.5 s: .*post_records.* could not be locked"
        ):
            replay.go_live()
        add_posts(app, 1, "kim")
    assert State.OPTIMIZED == replay.state
    replay.go_live()
    assert 4 == len(titles(app))


def test_others_read_and_do_not_write_while_the_rest_is_loaded(app: Sequent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that know nothing of projectors; what they would write could be in the old table only."""
    replay = ready(app, lock_timeout=30)
    catch_up, seen = Loader.catch_up_within, list[object]()

    def catch_up_and_look(loader: Loader, live: Connection, loading: Connection) -> int:
        with app.engine.connect() as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            seen.append(other.scalar(text(HOLDING)))
            with pytest.raises(OperationalError, match="lock timeout"):
                other.execute(text("DELETE FROM view_schema.post_records"))
        return catch_up(loader, live, loading)

    monkeypatch.setattr(Loader, "catch_up_within", catch_up_and_look)
    replay.go_live()
    assert ([3], State.LIVE) == (seen, replay.state)
