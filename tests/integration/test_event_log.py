"""Reading all events on from a position: nothing is missed, nothing comes twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, create_engine, insert, make_url, select, text, update

from sequent_sa import ConfigurationError, EventStoreError, Sequent
from sequent_sa.dialects.postgresql import marks
from sequent_sa.event_log import EventLog
from sequent_sa.event_store.positions import EventPosition
from sequent_sa.messages.event import Event
from sequent_sa.tables import aggregate_types, aggregates, command_types, commands, event_types, events, store_state
from tests.blog import AddPost, CommentAdded, PostAdded, PostRecord, PostTitleChanged, new_app
from tests.databases import Database, PostgreSQLDatabases, PostgreSQLServer

ROOT = Path(__file__).parents[2]

CONSUME_AND_DIE = """
import os, signal, sys
from sqlalchemy import update
from tests.blog import PostRecord, PostTitleChanged, new_app

app = new_app(sys.argv[1])
def handle_some(die):
    with app.event_log.cursor("mailer", types=[PostTitleChanged], limit=2) as consumed:
        for event in consumed.events:
            mine = PostRecord.aggregate_id == event.aggregate_id
            consumed.session.execute(update(PostRecord).where(mine).values(comments=PostRecord.comments + 1))
        if die:
            consumed.session.flush()
            os.kill(os.getpid(), signal.SIGKILL)
handle_some(die=False)
handle_some(die=True)
"""


def add(app: Sequent, *titles: str) -> None:
    for title in titles:
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title=title))


def titles(found: list[Event]) -> list[str]:
    return [event.title for event in found if isinstance(event, PostTitleChanged)]


def test_events_come_in_the_order_of_commands(app: Sequent) -> None:
    """In portions, each once; an empty one says that there are no more now."""
    add(app, "a", "b", "c")
    seen: list[Event] = []
    position: EventPosition | None = None
    while True:
        batch = app.event_log.read_all(position, limit=2)
        if not batch.events:
            break
        assert len(batch.events) == 2
        seen += batch.events
        position = EventPosition.parse(str(batch.position))
    assert titles(seen) == ["a", "b", "c"]
    assert len(seen) == 6
    add(app, "d")
    assert titles(app.event_log.read_all(position).events) == ["d"]


def test_what_is_stored_while_somebody_reads_comes_once(app: Sequent) -> None:
    """It is no part of the window that he has begun, but of the next one."""
    add(app, "a", "b", "c")
    position: EventPosition | None = None
    seen: list[str] = []
    for title in "defg":
        batch = app.event_log.read_all(position, types=[PostTitleChanged], limit=1)
        position = batch.position
        seen += titles(batch.events)
        add(app, title)
    assert ["a", "b", "c", "d"] == seen
    assert ["e", "f", "g"] == rest(app.event_log, position)


def test_types_are_chosen_by_class(app: Sequent) -> None:
    """Others are passed over."""
    add(app, "a", "b")
    batch = app.event_log.read_all(types=[PostTitleChanged], limit=1)
    assert titles(batch.events) == ["a"]
    assert titles(app.event_log.read_all(batch.position, types=[PostTitleChanged]).events) == ["b"]
    assert app.event_log.read_all(types=[CommentAdded]).events == []


def test_retired_events_are_passed_over(app: Sequent, database: Database) -> None:
    """Also when a whole portion is of them."""
    add(app, "a", "b", "c")
    later = Sequent(database.url, retired_events=["PostAdded", "PostTitleChanged"])
    assert later.event_log.read_all(limit=1).events == []
    later.engine.dispose()


@pytest.mark.parametrize(
    "nonsense",
    ["", "{}", "[]", "null", "3", '{"after": 1}', '{"after": null, "until": null, "last": [1], "cluster": null}'],
)
def test_a_text_that_is_no_position_is_refused(nonsense: str) -> None:
    """It says what to keep instead."""
    with pytest.raises(EventStoreError, match="is no position: keep what"):
        EventPosition.parse(nonsense)


def test_a_mark_of_sqlite_is_no_mark_of_postgresql() -> None:
    """It says which position to keep."""
    with pytest.raises(EventStoreError, match="'5' is no position in a PostgreSQL database: keep what this one gave"):
        marks.committed_at("5")


def test_a_portion_has_at_least_one_event(app: Sequent) -> None:
    """Asking for none would never come to an end."""
    with pytest.raises(ValueError, match="limit must be 1 or more, not 0"):
        app.event_log.read_all(limit=0)


def test_a_cursor_moves_on_with_the_work_of_its_consumer(app: Sequent) -> None:
    """Both are committed, or neither; each name has its own."""
    add(app, "a", "b", "c")
    log = app.event_log
    with log.cursor("mailer", types=[PostTitleChanged], limit=2) as consumed:
        assert titles(consumed.events) == ["a", "b"]
        consumed.session.execute(update(PostRecord).values(comments=7))

    def fail() -> None:
        with log.cursor("mailer", types=[PostTitleChanged]) as consumed:
            assert titles(consumed.events) == ["c"]
            consumed.session.execute(update(PostRecord).values(comments=8))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    with log.cursor("mailer", types=[PostTitleChanged]) as consumed:
        assert titles(consumed.events) == ["c"]
    with log.cursor("mailer", types=[PostTitleChanged]) as consumed:
        assert consumed.events == []
    with log.cursor("other", types=[PostTitleChanged]) as consumed:
        assert titles(consumed.events) == ["a", "b", "c"]
    with app.session() as session:
        assert set(session.scalars(select(PostRecord.comments))) == {7}


def test_consumers_of_one_name_take_turns(app: Sequent) -> None:
    """However many work at the same time, each event comes to one of them, once."""
    add(app, *map(str, range(20)))

    def consume(_: int) -> list[str]:
        found: list[str] = []
        while True:
            with app.event_log.cursor("mailer", types=[PostTitleChanged], limit=2) as consumed:
                if not consumed.events:
                    return found
                found += titles(consumed.events)

    with ThreadPoolExecutor(3) as pool:
        seen = [title for part in pool.map(consume, range(3)) for title in part]
    assert sorted(map(str, range(20))) == sorted(seen)


def test_a_consumer_that_is_killed_begins_again_where_its_work_is(app: Sequent, database: Database) -> None:
    """Its work and its position were one transaction."""
    add(app, *map(str, range(6)))
    app.engine.dispose()
    command = [sys.executable, "-c", CONSUME_AND_DIE, database.url]
    died = [subprocess.run(command, cwd=ROOT, check=False).returncode for _ in range(2)]
    assert [-signal.SIGKILL] * 2 == died
    with app.session() as session:
        assert [1, 1, 1, 1, 0, 0] == session.scalars(select(PostRecord.comments).order_by(PostRecord.title)).all()
    with app.event_log.cursor("mailer", types=[PostTitleChanged]) as consumed:
        assert ["4", "5"] == titles(consumed.events)


def test_who_needs_nothing_of_what_was_begins_now(app: Sequent) -> None:
    """With a position that can be kept."""
    add(app, "a", "b")
    position = EventPosition.parse(str(app.event_log.position_mark()))
    assert app.event_log.read_all(position).events == []
    add(app, "c")
    assert titles(app.event_log.read_all(position).events) == ["c"]


# --- interleaved transactions, on PostgreSQL: SQLite has one writer at a time


class Writers:
    """Transactions that append events when they are told to, on connections of their own."""

    def __init__(self, app: Sequent, stack: ExitStack, number: int) -> None:
        self._connections = [stack.enter_context(app.engine.connect()) for _ in range(number)]
        self._pending: list[list[UUID]] = [[] for _ in range(number)]
        self.committed: list[UUID] = []

    def append(self, writer: int) -> None:
        self._pending[writer].append(append(self._connections[writer]))

    def commit(self, writer: int) -> None:
        self._connections[writer].commit()
        self.committed += self._pending[writer]
        self._pending[writer] = []

    def rollback(self, writer: int) -> None:
        self._connections[writer].rollback()
        self._pending[writer] = []


def append(connection: Connection) -> UUID:
    """Store a command with one event, in the transaction of the connection."""
    id_ = uuid4()
    command_type = select(command_types.c.id).where(command_types.c.type == "AddPost").scalar_subquery()
    event_type = select(event_types.c.id).where(event_types.c.type == "PostAdded").scalar_subquery()
    aggregate_type = select(aggregate_types.c.id).where(aggregate_types.c.type == "Post").scalar_subquery()
    now = {"created_at": datetime.now(UTC)}
    command = {"aggregate_id": id_, "command_type_id": command_type, "command_json": "{}", **now}
    command_id = connection.execute(insert(commands).values(command).returning(commands.c.id)).scalar_one()
    aggregate = {"aggregate_id": id_, "aggregate_type_id": aggregate_type, "events_partition_key": "", **now}
    connection.execute(insert(aggregates).values(aggregate))
    event = {"partition_key": "", "aggregate_id": id_, "sequence_number": 1, "command_id": command_id, **now}
    connection.execute(insert(events).values(event_type_id=event_type, event_json='{"author": "x"}', **event))
    return id_


class Reader:
    """Reads portions, and remembers what it saw."""

    def __init__(self, log: EventLog, limit: int) -> None:
        self._log = log
        self._limit = limit
        self._position: EventPosition | None = None
        self.seen: list[UUID] = []

    def poll(self) -> int:
        batch = self._log.read_all(self._position, types=[PostAdded], limit=self._limit)
        self._position = EventPosition.parse(str(batch.position))
        self.seen += [event.aggregate_id for event in batch.events]
        return len(batch.events)

    def read_to_the_end(self) -> None:
        while self.poll():
            pass


@pytest.fixture
def on_postgresql(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    add(app, "so that the types are known")
    yield app
    app.engine.dispose()


def test_what_commits_late_is_not_lost(on_postgresql: Sequent) -> None:
    """A draws a position, B draws a later one and commits first; an unrelated transaction stays open all the time."""
    with ExitStack() as stack:
        writers, reader = Writers(on_postgresql, stack, 3), Reader(on_postgresql.event_log, 100)
        reader.read_to_the_end()
        before = len(reader.seen)
        writers.append(2)  # stays open: nobody waits for it
        writers.append(0)
        writers.append(1)
        writers.commit(1)
        assert reader.poll() == 1
        writers.append(1)
        writers.commit(0)
        assert reader.poll() == 1
        writers.commit(1)
        assert reader.poll() == 1
        assert reader.poll() == 0
        writers.rollback(2)
        assert reader.poll() == 0
        assert reader.seen[before:] == writers.committed


STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "append", "commit", "rollback", "poll", "poll few"]), st.integers(0, 2)),
    max_size=30,
)


def test_no_interleaving_loses_or_repeats(on_postgresql: Sequent) -> None:
    """Whatever the order in which transactions append, commit, roll back, and readers look."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list({HealthCheck.too_slow}))
    @given(STEPS)
    def hold(steps: list[tuple[str, int]]) -> None:
        with ExitStack() as stack:
            writers = Writers(on_postgresql, stack, 3)
            many, few = Reader(on_postgresql.event_log, 100), Reader(on_postgresql.event_log, 2)
            many.read_to_the_end()
            few.read_to_the_end()
            start = len(many.seen)
            for step, writer in steps:
                if step == "poll":
                    many.poll()
                elif step == "poll few":
                    few.poll()
                else:
                    getattr(writers, step)(writer)
            for reader in (many, few):  # nobody waits for those that are still open
                reader.read_to_the_end()
                assert sorted(reader.seen[start:]) == sorted(writers.committed)
            for writer in range(3):
                writers.commit(writer)
            for reader in (many, few):
                reader.read_to_the_end()
                assert sorted(reader.seen[start:]) == sorted(writers.committed)

    hold()


def test_a_restored_database_is_noticed(on_postgresql: Sequent) -> None:
    """Positions of the former cluster are refused until somebody says that it was restored; then they go on exactly."""
    app = on_postgresql
    add(app, "a", "b", "c")
    log = app.event_log
    batch = log.read_all(types=[PostTitleChanged], limit=2)
    consumed = log.read_all(types=[PostTitleChanged], limit=3)
    add(app, "d")
    # As after a restore: other transaction ids are drawn from now on, and the cluster has another identifier.
    with app.engine.begin() as connection:
        connection.execute(update(store_state).values(system_identifier="another"))
    with pytest.raises(EventStoreError, match="sequent db after-restore"):
        log.read_all(batch.position)
    old = [
        EventPosition.parse(str(each).replace(cluster(app), "another")) for each in (batch.position, consumed.position)
    ]
    log.after_restore()
    add(app, "e")
    assert rest(log, old[0]) == ["b", "c", "d", "e"]
    assert rest(log, old[1]) == ["c", "d", "e"]
    assert rest(log, None)[-5:] == ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgreSQLServer]:
    """Another cluster, with transaction ids of its own."""
    server = PostgreSQLServer.start_own("synchronous_commit=on")
    yield server
    server.stop()


def test_positions_are_refused_on_a_standby(own_server: PostgreSQLServer) -> None:
    """Also in the middle of a window, and by cursors: its snapshots do not list the transactions of the primary."""
    app = new_app(own_server.url)
    app.create_all()
    add(app, "a", "b")
    position = app.event_log.read_all(types=[PostTitleChanged], limit=1).position
    standby = new_app(own_server.make_standby())
    with standby.session() as session:
        assert ["a", "b"] == session.scalars(select(PostRecord.title).order_by(PostRecord.title)).all()
    for read in (
        standby.event_log.read_all,
        lambda: standby.event_log.read_all(position),
        standby.event_log.position_mark,
        lambda: standby.event_log.cursor("mailer").__enter__(),
    ):
        with pytest.raises(ConfigurationError, match="connect to the primary server"):
            read()
    assert titles(app.event_log.read_all(position).events) == ["b"]
    standby.engine.dispose()
    app.engine.dispose()


def test_positions_go_on_after_a_real_restore(on_postgresql: Sequent, own_server: PostgreSQLServer) -> None:
    """From a dump, in a cluster that draws lower transaction ids: what was not read comes, and all that is new."""
    log = on_postgresql.event_log
    draw_transaction_ids(on_postgresql, 10_000)
    for title in "abcd":
        add(on_postgresql, title)
    with on_postgresql.engine.connect() as writing:
        late = append(writing)  # open at every mark, committed before the dump
        positions = [log.read_all(types=[PostTitleChanged], limit=limit).position for limit in (2, 3, 9)]
        writing.commit()
    restored = new_app(restore(on_postgresql, own_server))
    with pytest.raises(EventStoreError, match="sequent db after-restore"):
        restored.event_log.read_all(positions[0])
    restored.event_log.after_restore()
    add(restored, "e")
    for position, expected in zip(positions, (["b", "c", "d", "e"], ["c", "d", "e"], ["e"]), strict=True):
        assert expected == rest(restored.event_log, position)
    added = restored.event_log.read_all(positions[2], types=[PostAdded]).events
    assert late in {event.aggregate_id for event in added}
    assert ["a", "b", "c", "d", "e"] == rest(restored.event_log, None)[-5:]
    restored.engine.dispose()


def draw_transaction_ids(app: Sequent, number: int) -> None:
    """As a cluster does in its life, so that those of a new one are lower."""
    draw = "BEGIN INSERT INTO drawn VALUES (1); EXCEPTION WHEN division_by_zero THEN NULL; END;"
    with app.engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE drawn (number integer) ON COMMIT DROP"))
        connection.execute(text(f"DO $$ BEGIN FOR i IN 1..{number} LOOP {draw} END LOOP; END $$"))


def restore(app: Sequent, server: PostgreSQLServer) -> str:
    """The URL of a copy of a database, made as an administrator makes one."""
    name = "restored"
    maintenance = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    maintenance.dispose()
    old, new = (url.set(drivername="postgresql") for url in (app.engine.url, make_url(server.url).set(database=name)))
    dump = subprocess.run([server.program("pg_dump"), "-Fc", plain(old)], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run([server.program("pg_restore"), "--dbname", plain(new)], input=dump, check=True)
    return new.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def plain(url: URL) -> str:
    """As the programs of PostgreSQL read it."""
    return url.render_as_string(hide_password=False)


def cluster(app: Sequent) -> str:
    with app.engine.connect() as connection:
        return str(connection.scalar(text("SELECT system_identifier FROM pg_control_system()")))


def rest(log: EventLog, position: EventPosition | None) -> list[str]:
    """What is left to read, in portions of two."""
    found: list[str] = []
    while True:
        batch = log.read_all(position, types=[PostTitleChanged], limit=2)
        if not batch.events:
            return found
        found += titles(batch.events)
        position = batch.position
