"""Rows are found by an index, to load and to append in one partition, by the databases' own account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from sqlalchemy import event, select

from sequent_sa import Sequent
from sequent_sa.replay.groups import Bound, Group
from sequent_sa.tables import event_types
from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.ledger import Move, OpenAccount, entered, new_app

EVENTS = re.compile(r"events(_\w+)?$")
LARGE = re.compile(r"(main\.)?(events|aggregates|commands)(_\w+)?$|aggregate_unique_keys$|snapshot_records$")
"""Tables, and partitions of tables, with a row for each event, command or aggregate."""

OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
        "auto_explain.log_nested_statements=on",
        "auto_explain.log_format=json",
        "client_min_messages=log",
        "enable_seqscan=off",  # the tables are small: only what cannot be done otherwise is read as a whole
    )
)


def opened(app: Sequent, country: str) -> UUID:
    """A new account, with a snapshot and events after it."""
    aggregate_id = app.new_uuid()
    app.execute_commands(OpenAccount(aggregate_id=aggregate_id, iban=f"{country}{aggregate_id}"))
    entered(app, aggregate_id, "a", "b")
    app.snapshots.take_one(aggregate_id)
    entered(app, aggregate_id, "c")
    return aggregate_id


def open_another(app: Sequent, _: UUID) -> None:
    """The only one that has no aggregate yet."""
    app.execute_commands(OpenAccount(aggregate_id=app.new_uuid(), iban="NL1"))


def move(app: Sequent, id_: UUID) -> None:
    """To another partition, some day."""
    app.execute_commands(Move(aggregate_id=id_, iban="BE1"))


def ids_behind(app: Sequent, id_: UUID, types: list[str] | None) -> Sequence[UUID]:
    """A page of aggregates."""
    with app.unit_of_work() as unit:
        return app.event_store.aggregate_ids(unit.transaction, types, id_, 10)


WORK: Mapping[str, Callable[[Sequent, UUID], object]] = {
    "create": open_another,
    "append": lambda app, id_: entered(app, id_, "d"),
    "change the partition key": move,
    "load": lambda app, id_: app.repository.load_aggregate(id_),
    "load until a moment": lambda app, id_: app.repository.load_aggregate(id_, until=datetime.now(UTC)),
    "load many": lambda app, id_: app.repository.load_aggregates([id_, opened(app, "NL")]),
    "stream": lambda app, id_: [*app.event_log.stream_events(id_)],
    "load one event": lambda app, id_: app.event_log.load_event(id_, 2),
    "ask whether it exists": lambda app, id_: app.repository.contains_aggregate(id_),
    "list those behind one": lambda app, id_: ids_behind(app, id_, None),
    "list those of a type": lambda app, id_: ids_behind(app, id_, ["Account"]),
    "find by unique key": lambda app, id_: app.repository.find_aggregate_by_unique_key("iban", {"iban": f"NL{id_}"}),
    "take a snapshot": lambda app, id_: app.snapshots.take_one(id_),
    "latest snapshot": lambda app, id_: app.snapshots.latest(id_),
}


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A plan of PostgreSQL, from the top."""
    yield plan
    yield from chain.from_iterable(nodes(each) for each in plan.get("Plans", []))


def listen(app: Sequent) -> list[Mapping[str, Any]]:
    """The nodes of the plans that PostgreSQL executes from now on, also those in functions and for foreign keys."""
    found: list[Mapping[str, Any]] = []

    def said(notice: Any) -> None:
        message = str(notice.message_primary)
        if "plan:\n" in message:
            found.extend(nodes(json.loads(message.partition("plan:\n")[2])["Plan"]))

    def connected(driver: Any, _: object) -> None:
        driver.add_notice_handler(said)

    event.listen(app.engine, "connect", connected)
    return found


@pytest.mark.parametrize("work", WORK)
def test_postgresql_uses_an_index_of_one_partition(postgresql_databases: PostgreSQLDatabases, work: str) -> None:
    """No row of a large table is found otherwise, and only the partition of the aggregate is touched."""
    app = new_app(f"{postgresql_databases.create().url}&options={quote(OPTIONS)}")
    found = listen(app)
    app.create_all()
    app.partitions.create("NL")
    app.partitions.create("BE")
    aggregate_id = opened(app, "NL")
    found.clear()
    WORK[work](app, aggregate_id)
    app.engine.dispose()
    executed = [each for each in found if "Relation Name" in each and each["Actual Loops"] > 0]
    read = [each for each in executed if each["Node Type"] != "ModifyTable"]
    large = [each for each in read if LARGE.match(each["Relation Name"])]
    assert large or work == "create"
    assert [] == [each for each in large if "Index Cond" not in each and each["Node Type"] != "Bitmap Heap Scan"]
    partitions = {each["Relation Name"] for each in executed if EVENTS.match(each["Relation Name"])}
    assert {"events", "events_nl"} >= partitions


COUNTRIES = ("NL", "BE", "DE")
READ = 5
MOST_READ = 2 * READ + len(COUNTRIES)  # those that come next, and one more in each partition


def open_accounts(app: Sequent, number: int) -> None:
    """As many accounts, each in the partition of another country than the one before."""
    for each in range(number):
        id_ = app.new_uuid()
        app.execute_commands(OpenAccount(aggregate_id=id_, iban=f"{COUNTRIES[each % len(COUNTRIES)]}{id_}"))


def reads(app: Sequent) -> Mapping[str, Callable[[], object]]:
    """Ways to read events in the order in which they were committed: a few of many, wherever they are."""
    open_accounts(app, 60)
    position = app.event_log.read_all(limit=20).position
    mark = app.event_log.position_mark()
    open_accounts(app, 3)
    return {
        "from the first": lambda: app.event_log.read_all(limit=READ),
        "on in a window": lambda: app.event_log.read_all(position, limit=READ),
        "since a mark": lambda: app.event_log.read_all(mark, limit=READ),
    }


GROUPS = (
    Group(1, upper=Bound("NL", UUID(int=1 << 127))),
    Group(2, Bound("NL", UUID(int=0)), Bound("NL", UUID(int=(1 << 128) - 1))),
    Group(3, Bound("BE", UUID(int=0))),
)


def read_group(app: Sequent, group: Group) -> None:
    """As a replay does, which must begin to project before everything is sorted, and read nothing of other groups."""
    with app.engine.begin() as connection:
        names = connection.scalars(select(event_types.c.type)).all()
        mark = app.dialect.position_mark(connection)
        assert any(app.event_reader.whole_aggregates(connection, names, mark, group.conditions()))


def test_postgresql_reads_on_by_an_index_of_each_partition(postgresql_databases: PostgreSQLDatabases) -> None:
    """And no more rows than it gives, however many there are."""
    app = new_app(f"{postgresql_databases.create().url}&options={quote(OPTIONS)}")
    found = listen(app)
    app.create_all()
    app.partitions.create("NL")
    app.partitions.create("BE")
    ways = reads(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    for way, read in ways.items():
        found.clear()
        read()
        scans = [each for each in found if EVENTS.match(each.get("Relation Name", ""))]
        assert {"events_nl", "events_be", "events_default"} == {each["Relation Name"] for each in scans}, way
        assert [] == [each["Node Type"] for each in scans if each["Node Type"] != "Index Scan"], way
        removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        assert MOST_READ >= sum(each["Actual Rows"] + sum(each.get(name, 0) for name in removed) for each in scans), way
    for group in GROUPS:
        found.clear()
        read_group(app, group)
        assert "Aggregate" in {each["Node Type"] for each in found}, group
        assert "Sort" not in {each["Node Type"] for each in found}, group
    app.engine.dispose()


def test_sqlite_reads_on_by_an_index(sqlite_databases: SQLiteDatabases) -> None:
    """In the order of commands, so that it can stop; it sorts those of one command at most."""
    statements: list[str] = []
    app = new_app(sqlite_databases.create().url)
    event.listen(app.engine, "connect", lambda driver, _: driver.set_trace_callback(statements.append))
    app.create_all()
    for way, read in reads(app).items():
        statements.clear()
        read()
        steps = explained(app, statements)
        assert any(each.startswith("SEARCH main.events USING INDEX events_command_id_idx") for each in steps), way
        assert [] == [each for each in steps if each == "USE TEMP B-TREE FOR ORDER BY"], way
        assert set() == scanned(steps), way
    for group in GROUPS:
        statements.clear()
        read_group(app, group)
        steps = explained(app, statements)
        assert any(each.startswith("SEARCH main.events USING INDEX sqlite_autoindex_events_1") for each in steps), group
        assert [] == [each for each in steps if each == "USE TEMP B-TREE FOR ORDER BY"], group
    app.engine.dispose()


def explained(app: Sequent, statements: Sequence[str]) -> Sequence[str]:
    """How SQLite carries out statements."""
    asked = [each for each in statements if each.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"))]
    with app.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        return [row[3] for each in asked for row in driver.execute(f"EXPLAIN QUERY PLAN {each}")]


def scanned(steps: Sequence[str]) -> set[str]:
    """The large tables that are looked through from one end."""
    return {name for each in steps if each.startswith("SCAN ") and LARGE.match(name := each.split()[1])}


@pytest.mark.parametrize("work", WORK)
def test_sqlite_uses_an_index(sqlite_databases: SQLiteDatabases, work: str) -> None:
    """No large table is looked through."""
    statements: list[str] = []
    app = new_app(sqlite_databases.create().url)

    def connected(driver: Any, _: object) -> None:
        driver.set_trace_callback(statements.append)

    event.listen(app.engine, "connect", connected)
    app.create_all()
    aggregate_id = opened(app, "NL")
    statements.clear()
    WORK[work](app, aggregate_id)
    steps = explained(app, statements)
    app.engine.dispose()
    assert steps
    assert set() == scanned(steps)
