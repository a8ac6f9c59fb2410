"""What the database itself guards: the archive of changed events, versions, restricting keys; and its views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from sequent_sa import tables
from sequent_sa.dialects import FailureKind, dialect_of
from tests.migrations.store import AUTHOR, MOMENT, POST, add_event, store_post

events, saved = tables.events, tables.saved_event_records


@pytest.fixture
def connection(store: Engine) -> Iterator[Connection]:
    """A transaction in a store with one event."""
    with dialect_of(store).writing(store) as connection, connection.begin():
        store_post(connection)
        yield connection


def _saved(connection: Connection) -> list[tuple[object, ...]]:
    columns = (saved.c.operation, saved.c.sequence_number, saved.c.event_type, saved.c.created_at, saved.c.event_json)
    rows = connection.execute(select(*columns).order_by(saved.c.timestamp))
    return [(*row[:-1], json.loads(row[-1])) for row in rows]


def test_a_deleted_event_is_archived(connection: Connection) -> None:
    """What a DELETE removed is in saved_event_records, with the time and the user."""
    before = datetime.now(UTC) - timedelta(minutes=1)
    connection.execute(delete(events))
    assert [("D", 1, "PostAdded", MOMENT, {"title": "Hi", "subtitle": None})] == _saved(connection)
    when, user = connection.execute(select(saved.c.timestamp, saved.c.user)).one()
    assert before < when < before + timedelta(minutes=2)
    assert user


def test_a_changed_event_is_archived_as_it_was(connection: Connection) -> None:
    """What an UPDATE replaced is in saved_event_records, once for each change, however quickly they follow."""
    for title in ("a", "b", "c"):
        connection.execute(update(events).values(event_json=json.dumps({"title": title})))
    connection.execute(update(events).values(created_at=MOMENT + timedelta(seconds=1)))
    before = [{"title": "Hi", "subtitle": None}, {"title": "a"}, {"title": "b"}, {"title": "c"}]
    assert [("U", 1, "PostAdded", MOMENT, data) for data in before] == _saved(connection)


def test_a_move_to_another_partition_is_not_archived(connection: Connection) -> None:
    """A new partition key moves the events along with their aggregate, and changes nothing that happened."""
    connection.execute(update(tables.aggregates).values(events_partition_key="Y26"))
    assert connection.scalar(select(events.c.partition_key)) == "Y26"
    assert [] == _saved(connection)


def test_an_update_that_changes_nothing_is_not_archived(connection: Connection) -> None:
    """The same values again are no change."""
    connection.execute(update(events).values(created_at=MOMENT, event_type_id=1))
    assert [] == _saved(connection)


@pytest.mark.parametrize(
    "table", [tables.aggregates, tables.commands, tables.event_types, tables.command_types], ids=str
)
def test_what_events_refer_to_cannot_be_deleted(connection: Connection, table: Table) -> None:
    """Aggregates, commands and types stay as long as something refers to them."""
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(delete(table))
    assert connection.scalar(select(func.count()).select_from(events)) == 1


@pytest.mark.parametrize(("version", "kind"), [(0, FailureKind.EVENT_EXISTS), (1, None), (2, FailureKind.SEQUENCE_GAP)])
def test_events_follow_on_the_version_that_is_stored(
    connection: Connection, version: int, kind: FailureKind | None
) -> None:
    """Appending at any version but the stored one is refused, and the dialect understands the refusal."""
    assert kind == _refusal(connection, version)


def test_the_first_event_of_an_aggregate_has_number_one(connection: Connection) -> None:
    """An aggregate without events is at version 0."""
    connection.execute(delete(events))
    assert [FailureKind.SEQUENCE_GAP, None] == [_refusal(connection, version) for version in (1, 0)]


def _refusal(connection: Connection, version: int) -> FailureKind | None:
    """How appending at a version is refused: by the check that goes before, or by the INSERT itself."""
    dialect = dialect_of(connection.engine)
    check = dialect.check_version(POST, version, appending=True)
    try:
        with connection.begin_nested():
            if check is not None:
                connection.execute(check.statement.executable, check.parameters)
            add_event(connection, version + 1)
    except DBAPIError as error:
        return dialect.failure(error).kind
    return None


def test_two_aggregates_cannot_hold_one_key(connection: Connection) -> None:
    """A key is unique within its scope."""
    connection.execute(insert(tables.aggregates).values(aggregate_id=AUTHOR, aggregate_type_id=1))
    row = {"scope": "title", "key": '{"title":"Hi"}'}
    connection.execute(insert(tables.aggregate_unique_keys), {**row, "aggregate_id": POST})
    with pytest.raises(IntegrityError) as refused, connection.begin_nested():
        connection.execute(insert(tables.aggregate_unique_keys), {**row, "aggregate_id": AUTHOR})
    assert dialect_of(connection.engine).failure(refused.value).kind == FailureKind.UNIQUE_KEY_TAKEN


def test_one_replay_at_a_time(connection: Connection) -> None:
    """A second replay cannot be created before the first is live or aborted."""
    replay = insert(tables.replay_states).values(state="created", projectors=["PostProjector"])
    connection.execute(replay)
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(replay)
    connection.execute(update(tables.replay_states).values(state="aborted"))
    connection.execute(replay)
    assert [["PostProjector"]] * 2 == list(connection.scalars(select(tables.replay_states.c.projectors)))


def test_event_records_join_types_and_header_in(connection: Connection) -> None:
    """A row has the type's name, and JSON with the header's columns; nulls stay, stored keys win."""
    add_event(connection, 2, '{"created_at": "stored", "big": 12345678901234567890}')
    columns = tables.event_records.c
    rows = connection.execute(select(columns.event_type, columns.event_json).order_by(columns.sequence_number)).all()
    first, second = (json.loads(row.event_json) for row in rows)
    assert datetime.fromisoformat(first.pop("created_at")) == MOMENT
    assert {"aggregate_id": str(POST), "sequence_number": 1, "title": "Hi", "subtitle": None} == first
    expected = {"aggregate_id": str(POST), "sequence_number": 2, "created_at": "stored", "big": 12345678901234567890}
    assert expected == second
    assert ["PostAdded", "PostAdded"] == [row.event_type for row in rows]


def test_command_and_stream_records_join_types_in(connection: Connection) -> None:
    """Both views name types; a command's JSON has every column of the header, null where there is no value."""
    (row,) = connection.execute(select(tables.command_records)).all()
    data = json.loads(row.command_json)
    assert datetime.fromisoformat(data.pop("created_at")) == MOMENT
    expected = {
        "command_type": "AddPost",
        "title": "Hi",
        "user_id": str(AUTHOR),
        "aggregate_id": str(POST),
        "event_aggregate_id": None,
        "event_sequence_number": None,
    }
    assert expected == data
    assert (row.command_type, row.user_id) == ("AddPost", AUTHOR)
    assert [(POST, "", "Post", MOMENT)] == connection.execute(select(tables.stream_records)).all()


def test_events_know_their_transaction_on_postgresql(connection: Connection) -> None:
    """Where transactions have ids, each event carries that of its own."""
    expected = None
    if connection.dialect.name == "postgresql":
        expected = connection.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
        assert expected is not None
    assert expected == connection.scalar(select(events.c.xact_id))


def test_the_store_has_one_row_of_state(connection: Connection) -> None:
    """`store_state` begins with no floor and cannot have a second row."""
    state = tables.store_state
    assert [(1, 0)] == connection.execute(select(state.c.id, state.c.floor_command_id)).all()
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(insert(state).values(id=2))
