"""Events where their partition key says: moved, and in partitions of their own, while the application runs."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, func, select, text, update

from sequent_sa import ConfigurationError, LockTimeout, ReplayError, Sequent, tables
from sequent_sa.event_store import partition_keys
from sequent_sa.replay import replay_state
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.command_line import LEDGER, CommandLine
from tests.integration.test_concurrency import ROOT
from tests.ledger import Move, OpenAccount, entered, new_app, state

OF_EVENTS = (tables.events.c.aggregate_id, tables.events.c.sequence_number, tables.events.c.xact_id)


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The ledger: the first two letters of an IBAN are an account's partition key."""
    app = new_app(database.url)
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.fixture
def on_postgresql(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    """The ledger on PostgreSQL."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    yield app
    app.engine.dispose()


def opened(app: Sequent, country: str, *texts: str) -> UUID:
    """A new account."""
    aggregate_id = app.new_uuid()
    app.execute_commands(OpenAccount(aggregate_id=aggregate_id, iban=f"{country}{aggregate_id}"))
    entered(app, aggregate_id, *texts)
    return aggregate_id


def moved(app: Sequent, aggregate_id: UUID, country: str) -> None:
    """The account goes to another country."""
    app.execute_commands(Move(aggregate_id=aggregate_id, iban=f"{country}{aggregate_id}"))


def keys(app: Sequent, aggregate_id: UUID) -> set[str]:
    """The partition keys under which the events of an account are."""
    with app.engine.connect() as connection:
        found = select(tables.events.c.partition_key).where(tables.events.c.aggregate_id == aggregate_id)
        return set(connection.scalars(found))


def stored(app: Sequent) -> list[tuple[object, ...]]:
    """What must not change by moving: each event and its transaction."""
    with app.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*OF_EVENTS).order_by(*OF_EVENTS[:2]))]


def saved(app: Sequent) -> int:
    """How many copies of changed and deleted events the database keeps."""
    with app.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(tables.saved_event_records)) or 0


def test_events_move_when_they_are_told_to(app: Sequent) -> None:
    """Until then they stay together under the old key; the move changes nothing else."""
    aggregate_id, other = opened(app, "NL", "a", "b"), opened(app, "NL")
    moved(app, aggregate_id, "BE")
    entered(app, aggregate_id, "c")
    assert (1, {"NL"}) == (app.partitions.pending_keys(), keys(app, aggregate_id))
    before, account = stored(app), state(app.repository.load_aggregate(aggregate_id))
    assert 1 == app.partitions.update_keys(10)
    assert 0 == app.partitions.update_keys(10)
    assert (0, {"BE"}, {"NL"}) == (app.partitions.pending_keys(), keys(app, aggregate_id), keys(app, other))
    assert (before, 0) == (stored(app), saved(app))
    assert account == state(app.repository.load_aggregate(aggregate_id))
    entered(app, aggregate_id, "d")
    assert (0, {"BE"}) == (app.partitions.pending_keys(), keys(app, aggregate_id))


def test_the_latest_key_counts(app: Sequent) -> None:
    """Another one replaces that which waits; the one that the events are under takes it away."""
    aggregate_id = opened(app, "NL")
    moved(app, aggregate_id, "BE")
    moved(app, aggregate_id, "FR")
    assert 1 == app.partitions.pending_keys()
    moved(app, aggregate_id, "NL")
    assert 0 == app.partitions.pending_keys()
    moved(app, aggregate_id, "BE")
    moved(app, aggregate_id, "FR")
    assert 1 == app.partitions.update_keys(1)
    assert {"FR"} == keys(app, aggregate_id)


def test_no_more_are_moved_than_asked_for(app: Sequent) -> None:
    """Those that have waited longest come first."""
    ids = [opened(app, "NL") for _ in range(3)]
    for hours, aggregate_id in enumerate(ids, 1):
        moved(app, aggregate_id, "BE")
        mine = tables.partition_key_changes.c.aggregate_id == aggregate_id
        with app.dialect.writing(app.engine) as connection, connection.begin():
            since = datetime.now(UTC) - timedelta(hours=hours)
            connection.execute(update(tables.partition_key_changes).where(mine).values(created_at=since))
    assert 2 == app.partitions.update_keys(2)
    assert [{"NL"}, {"BE"}, {"BE"}] == [keys(app, aggregate_id) for aggregate_id in ids]
    with pytest.raises(ConfigurationError, match="limit must be 1 or more, not 0"):
        app.partitions.update_keys(0)


def test_nothing_moves_while_a_replay_runs(app: Sequent) -> None:
    """It reads events by their partition key."""
    aggregate_id = opened(app, "NL")
    moved(app, aggregate_id, "BE")
    with app.dialect.writing(app.engine) as connection, connection.begin():
        replay_state.create(connection, {"SomeProjector": 1})
    with pytest.raises(ReplayError, match="a replay of SomeProjector is in progress"):
        app.partitions.update_keys(1)
    assert {"NL"} == keys(app, aggregate_id)


def hold(connection: Connection, aggregate_id: UUID, table: str) -> None:
    """Keep a row from being changed."""
    statement = f"SELECT 1 FROM sequent_schema.{table} WHERE aggregate_id = :of FOR UPDATE"
    connection.execute(text(statement), {"of": aggregate_id})


def test_what_another_process_moves_is_left_out(on_postgresql: Sequent) -> None:
    """Nobody waits for it."""
    app = on_postgresql
    first, second = opened(app, "NL"), opened(app, "NL")
    for aggregate_id in (first, second):
        moved(app, aggregate_id, "BE")
    with app.engine.begin() as other:
        hold(other, first, "aggregates")
        assert 1 == app.partitions.update_keys(5)
    assert [{"NL"}, {"BE"}] == [keys(app, first), keys(app, second)]
    assert 1 == app.partitions.update_keys(5)


def test_what_takes_too_long_is_left_for_another_time(
    on_postgresql: Sequent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the others are moved."""
    app = on_postgresql
    monkeypatch.setattr(partition_keys, "_STATEMENT_SECONDS", 0.1)
    first, second = opened(app, "NL"), opened(app, "NL")
    for aggregate_id in (first, second):
        moved(app, aggregate_id, "BE")
    with app.engine.begin() as other, caplog.at_level(logging.ERROR):
        hold(other, first, "partition_key_changes")
        assert 1 == app.partitions.update_keys(5)
    assert f"the events of {first} could not be moved" in caplog.text
    assert [{"NL"}, {"BE"}] == [keys(app, first), keys(app, second)]


def per_partition(app: Sequent) -> dict[str, int]:
    """How many events each partition has."""
    with app.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT tableoid::regclass::text, count(*) FROM sequent_schema.events GROUP BY 1 ORDER BY 1")
        )
        return {name.rpartition(".")[2]: number for name, number in rows}


def test_a_partition_takes_over_the_events_of_its_key(on_postgresql: Sequent) -> None:
    """Those that are there, and those to come; nothing else about them changes."""
    app = on_postgresql
    ids = [opened(app, country, "a") for country in ("NL", "BE", "NL", "NM")]
    before = stored(app)
    done: list[int] = []
    made = app.partitions.create("NL", group_size=1, progress=done.append)
    assert ("events_nl", "NL", "NL\x01") == made[:3]
    assert {"events_default": 4, "events_nl": 4} == per_partition(app)
    assert [1, 2, 1, 2] == done  # out and in again
    assert (before, 0, 0) == (stored(app), saved(app), app.partitions.pending_keys())
    moved(app, ids[0], "BE")
    moved(app, ids[1], "NL")
    opened(app, "NL", "b")
    assert 2 == app.partitions.update_keys(5)
    assert {"events_default": 5, "events_nl": 7} == per_partition(app)
    assert ["events_nl", "events_default"] == [each.name for each in app.partitions.found()]
    with app.engine.connect() as connection:
        left = "SELECT count(*) FROM pg_proc WHERE proname = 'set_partition_key_aside'"
        assert 0 == connection.scalar(text(left))
        assert 0 == connection.scalar(
            text("SELECT count(*) FROM pg_constraint WHERE conname = 'sequent_partition_is_empty'")
        )


def test_loading_and_appending_touch_one_partition(on_postgresql: Sequent) -> None:
    """By the server's own account."""
    app = on_postgresql
    app.partitions.create("NL")
    app.partitions.create("BE")
    aggregate_id = opened(app, "NL", "a", "b")
    app.snapshots.take_one(aggregate_id)
    reader = app.event_store.reader  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with app.engine.connect() as connection:
        for query in (reader._query([aggregate_id], with_snapshots=some) for some in (False, True)):
            compiled = query.statement.compiled(connection)
            values = ", ".join(f"'{value}'" for value in compiled.values(query.parameters))
            connection.exec_driver_sql(f"PREPARE explained AS {compiled.text}")
            explained = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, COSTS OFF) EXECUTE explained ({values})"
            ).scalars()
            plan = [line for line in explained if " on events_" in line]
            executed = [line for line in plan if "never executed" not in line]
            assert 3 == len(plan)
            assert ["events_nl" in line for line in executed] == [True]
            connection.exec_driver_sql("DEALLOCATE explained")


def test_loading_is_planned_alike_for_every_id(on_postgresql: Sequent) -> None:
    """So the server keeps one plan: to make one anew for each id takes longer the more partitions there are."""
    app = on_postgresql
    for country in ("BE", "DE", "NL"):
        app.partitions.create(country)
    aggregate_id = [opened(app, country, *"abcdefgh") for country in ["BE"] * 10 + ["NL"] * 10][-1]
    reader = app.event_store.reader  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with app.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        for query in (reader._query([aggregate_id], with_snapshots=some) for some in (False, True)):
            connection.exec_driver_sql(f"PREPARE explained AS {query.statement.compiled(connection).text}")
            costs: list[str] = []
            for kind in ("custom", "generic"):
                connection.exec_driver_sql(f"SET LOCAL plan_cache_mode = force_{kind}_plan")
                values = ", ".join(
                    f"'{value}'" for value in query.statement.compiled(connection).values(query.parameters)
                )
                costs += connection.exec_driver_sql(f"EXPLAIN EXECUTE explained ({values})").scalars().all()[:1]
            assert costs[0] == costs[1]
            connection.exec_driver_sql("DEALLOCATE explained")


def test_the_default_partition_is_not_looked_through(postgresql_databases: PostgreSQLDatabases) -> None:
    """While everybody is kept out: the server says that a constraint tells it what it needs to know."""
    app = new_app(f"{postgresql_databases.create().url}&options=-c%20client_min_messages%3Ddebug1")
    notices: list[str] = []

    def listen(driver: Any, _record: object) -> None:
        driver.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))

    event.listen(app.engine, "connect", listen)
    app.create_all()
    opened(app, "NL", "a")
    app.partitions.create("NL")
    implied = [each for each in notices if "is implied by existing constraints" in each]
    assert any("events_default" in each for each in implied)
    app.engine.dispose()


class Interrupted(Exception):
    """As if somebody pressed Ctrl-C."""


def interrupt(_done: int) -> None:
    """Stop at the first group."""
    raise Interrupted


def test_an_interrupted_call_is_made_again(on_postgresql: Sequent) -> None:
    """Meanwhile all events can be loaded and stored, and no other partition can be begun."""
    app = on_postgresql
    ids = [opened(app, "NL", "a") for _ in range(3)]
    before = [state(app.repository.load_aggregate(aggregate_id)) for aggregate_id in ids]
    with pytest.raises(Interrupted):
        app.partitions.create("NL", group_size=1, progress=interrupt)
    assert before == [state(app.repository.load_aggregate(aggregate_id)) for aggregate_id in ids]
    for aggregate_id in ids:
        entered(app, aggregate_id, "b")
    ids.append(opened(app, "NL", "a", "b"))
    with pytest.raises(ConfigurationError, match=r"from 'NL' until 'NL.x01' was begun and not finished"):
        app.partitions.create("BE")
    calls: list[int] = []

    def interrupt_moving_in(done: int) -> None:
        calls.append(done)
        if calls.count(1) == 2:  # out, and then in
            raise Interrupted

    with pytest.raises(Interrupted):
        app.partitions.create("NL", group_size=1, progress=interrupt_moving_in)
    for aggregate_id in ids:
        entered(app, aggregate_id, "c")
    app.partitions.create("NL")
    app.partitions.update_keys(10)
    assert {"events_nl": 4 * 4} == per_partition(app)
    assert [{"NL"}] * 4 == [keys(app, aggregate_id) for aggregate_id in ids]
    assert [4] * 4 == [app.repository.load_aggregate(aggregate_id).version for aggregate_id in ids]
    assert "events_nl" == app.partitions.create("NL").name


def test_keys_may_have_any_letters(on_postgresql: Sequent) -> None:
    """They are quoted everywhere."""
    app = on_postgresql
    odd = ["%s", "o'", "\\:", '"$']
    ids = {country: opened(app, country, "a") for country in odd}
    for number, country in enumerate(odd):
        made = app.partitions.create(country, name=f"events_odd_{number}")
        assert (country, f"{country}\x01") == (made.lower, made.upper)
    assert {f"events_odd_{number}": 2 for number in range(4)} == per_partition(app)
    for country, aggregate_id in ids.items():
        entered(app, aggregate_id, "b")
        assert {country} == keys(app, aggregate_id)


def test_a_partition_may_hold_many_keys(on_postgresql: Sequent) -> None:
    """From one until another, which is not included."""
    app = on_postgresql
    for country in ("AT", "BE", "DE", "NL"):
        opened(app, country)
    assert "events_at_de" == app.partitions.create("AT", "DE").name
    assert {"events_at_de": 2, "events_default": 2} == per_partition(app)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("DE", "AT"), "from 'DE' until 'AT' would hold no key"),
        (("BE",), r"from 'BE' until 'BE.x01' overlaps events_at_de, from 'AT' until 'DE'"),
        (("AA", "AU"), "overlaps events_at_de"),
        (("É",), "cannot be the name of a partition"),
        (("NL", None, "accounts"), "cannot be the name of a partition"),
    ],
)
def test_what_can_be_no_partition_is_refused(
    on_postgresql: Sequent, arguments: Sequence[str | None], message: str
) -> None:
    """Before anything is changed."""
    on_postgresql.partitions.create("AT", "DE")
    key, until, name = (*arguments, None, None)[:3]
    with pytest.raises(ConfigurationError, match=message):
        on_postgresql.partitions.create(str(key), until, name=name)
    assert ["events_at_de", "events_default"] == [each.name for each in on_postgresql.partitions.found()]


def test_partitions_are_made_one_at_a_time(on_postgresql: Sequent) -> None:
    """Who comes second is told so."""
    opened(on_postgresql, "NL")

    def second(_done: int) -> None:
        with pytest.raises(LockTimeout, match="another process is making a partition"):
            on_postgresql.partitions.create("BE")

    assert "events_nl" == on_postgresql.partitions.create("NL", progress=second).name


HAMMERING = """
import sys
from tests.ledger import entered
from tests.ledger.app import app
from tests.integration.test_partitions import moved, opened
ids, number = [], 0
print("ready", flush=True)
while number < 400:
    number += 1
    ids.append(opened(app, "NL" if number % 3 else "BE", "a"))
    chosen = ids[number * 7 % len(ids)]
    before = app.repository.load_aggregate(chosen).version
    assert before > 1
    if number % 5 == 0:
        moved(app, chosen, "NL" if number % 2 else "BE")
    else:
        entered(app, chosen, str(number))
    assert app.repository.load_aggregate(chosen).version == before + 1
    if number == 60:
        print("busy", flush=True)
print("done", sum(app.repository.load_aggregate(each).version for each in ids), flush=True)
"""


def test_a_partition_is_made_under_full_load(postgresql_databases: PostgreSQLDatabases) -> None:
    """Processes that load and append all the time notice nothing, and every event is where it belongs."""
    database = postgresql_databases.create()
    app = new_app(database.url)
    app.create_all()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMERING],
            cwd=ROOT,
            env={"DATABASE_URL": database.url, "PATH": "", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert ["ready", "busy"] == [process.stdout.readline().strip() for _ in range(2)]
    app.partitions.create("NL", group_size=3)
    moves = app.partitions.update_keys(1_000)
    printed = [process.communicate()[0].split() for process in processes]
    assert [0, 0] == [process.returncode for process in processes]
    moves += app.partitions.update_keys(1_000)
    assert moves > 0
    found = per_partition(app)
    assert sum(int(number) for _, number in printed) == sum(found.values())
    with app.engine.connect() as connection:
        wrong = "SELECT count(*) FROM sequent_schema.events_default WHERE partition_key <> 'BE'"
        assert 0 == connection.scalar(text(wrong))
        assert 0 == connection.scalar(text("SELECT count(*) FROM sequent_schema.events_nl WHERE partition_key <> 'NL'"))
    assert 0 == saved(app)
    app.engine.dispose()


def test_the_command_line(migrated_database: Database, command_line: CommandLine) -> None:
    """Moves events, makes partitions and lists them; SQLite, which has none, is told apart in one line."""

    def sequent(command: str) -> tuple[int, list[str]]:
        done = command_line(f"aggregates {command}", app=LEDGER, url=migrated_database.url)
        return done.status, done.lines()

    app = new_app(migrated_database.url)
    aggregate_id = opened(app, "NL")
    moved(app, aggregate_id, "BE")
    assert (0, ["1 aggregates say another partition key", "moved the events of 1"]) == sequent(
        "update-partition-keys 10"
    )
    status, lines = sequent("partitions create BE")
    if not migrated_database.is_postgresql:
        assert (1, ["Error: SQLite has no partitions"]) == (status, [line.split(":  ")[0][:31] for line in lines])
        assert 1 == sequent("partitions list")[0]
    else:
        assert (0, ["1 aggregates", "1 aggregates", "made events_be"]) == (status, lines)
        status, lines = sequent("partitions list")
        assert 0 == status
        assert ["partition", "from", "until", "events", "bytes"] == lines[0].split()
        assert ["events_be", "BE", "'BE\\x01'"] == lines[1].split()[:3]
        assert "events_default" == lines[2].split()[0]
        status, lines = sequent("partitions list --json")
        first, last = map(json.loads, lines)
        assert ("events_be", "BE", "BE\x01", None) == tuple(
            first[name] for name in ("partition", "from", "until", "events")
        )
        assert (None, None) == (last["from"], last["until"])
    assert [2, 2] == [sequent(wrong)[0] for wrong in ("update-partition-keys", "update-partition-keys 0")]
    app.engine.dispose()
