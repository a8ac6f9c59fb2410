"""Settings of a session of PostgreSQL that say how values are written: the store keeps to its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DataError

from sequent_sa import ConfigurationError, Event, Sequent
from tests.blog import AddComment, AddPost, Post, new_app
from tests.databases import PostgreSQLDatabases
from tests.databases.waiting import wait_until

ELSEWHERE = [
    ("Europe/Amsterdam", "options", "UTF8"),
    ("Asia/Kathmandu", "database", "UTF8"),
    ("America/St_Johns", "session", "UTF8"),
    ("Asia/Kathmandu", "options", "LATIN1"),
    ("Europe/Amsterdam", "session", "LATIN1"),
]


class Sessions:
    """One database, and engines with one connection each, which differ in their settings."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._engines: list[Engine] = []
        self.app = self.blog()
        self.app.create_all()
        self.post_id = self.app.new_uuid()

    def engine(self, **options: str) -> Engine:
        """A new engine, with arguments for connecting."""
        engine = create_engine(self._url.update_query_dict(options), pool_size=1, max_overflow=0)
        self._engines.append(engine)
        return engine

    def blog(self, **options: str) -> Sequent:
        """The blog on a new engine."""
        return new_app("sqlite://").on(self.engine(**options))

    def blog_with(self, way: str, name: str, value: str) -> Sequent:
        """The blog on connections with a setting, which comes from somewhere."""
        if way == "options":
            return self.blog(options=f"-c {name}={value}")
        if way == "database":
            with self.app.engine.begin() as connection:
                connection.execute(text(f"ALTER DATABASE \"{self._url.database}\" SET {name} = '{value}'"))
            return self.blog()
        app = self.blog()
        app.execute_commands(self.new("before the setting"))
        set_for_session(app, name, value)
        return app

    def new(self, title: str, author: str = "ben", id_: UUID | None = None) -> AddPost:
        """A command for a new post."""
        return AddPost(aggregate_id=id_ or self.app.new_uuid(), author=author, title=title)

    def close(self) -> None:
        """Close all engines."""
        for engine in self._engines:
            engine.dispose()


@pytest.fixture
def sessions(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sessions]:
    """The blog in a database of its own."""
    sessions = Sessions(postgresql_databases.create().url)
    yield sessions
    sessions.close()


def set_for_session(app: Sequent, name: str, value: str) -> None:
    """Change a setting of the one connection that there is."""
    with app.engine.begin() as connection:
        connection.execute(text(f"SET {name} = '{value}'"))


def events_of(app: Sequent, aggregate_id: UUID) -> Sequence[Sequence[Event]]:
    """The events of an aggregate, in all the ways in which they can be read."""
    with app.unit_of_work() as unit:
        ((stream, loaded),) = app.event_store.load(unit.transaction, [aggregate_id])
        streamed = list(app.event_store.stream_events(unit.transaction, aggregate_id))
        single = [
            app.event_store.load_event(unit.transaction, aggregate_id, number + 1)
            for number in range(stream.sequence_number)
        ]
    with app.engine.connect() as connection:
        names = sorted(app.type_names.events)
        groups = app.event_reader.whole_aggregates(connection, names, None, [])
        whole = [event for group in groups for event in group if event.aggregate_id == aggregate_id]
    return [loaded, streamed, [event for event in single if event is not None], whole]


@pytest.mark.parametrize(("zone", "way", "encoding"), ELSEWHERE)
def test_moments_are_in_utc_whatever_the_time_zone(sessions: Sessions, zone: str, way: str, encoding: str) -> None:
    """What a session elsewhere writes, sessions here read, and the other way round."""
    elsewhere = sessions.blog_with(way, "TimeZone", zone)
    set_for_session(elsewhere, "client_encoding", encoding)
    begun = datetime.now(UTC)
    elsewhere.execute_commands(sessions.new("first", id_=sessions.post_id))
    sessions.app.execute_commands(AddComment(aggregate_id=sessions.post_id, text="second"))
    elsewhere.execute_commands(AddComment(aggregate_id=sessions.post_id, text="third"))
    ended = datetime.now(UTC)
    here = events_of(sessions.app, sessions.post_id)
    assert [here[0]] * 8 == [*here, *events_of(elsewhere, sessions.post_id)]
    moments = [event.created_at for event in here[0]]
    assert 4 == len(moments)
    assert [begun, *sorted(moments), ended] == sorted([begun, *moments, ended])
    for found in events_of(elsewhere, sessions.post_id):
        assert {UTC} == {event.created_at.tzinfo for event in found}
    for app in (sessions.app, elsewhere):
        assert 3 == app.repository.load_aggregate(sessions.post_id, Post, until=moments[-1]).version
        assert moments[0] == app.repository.load_aggregate(sessions.post_id, Post).created_at
    with elsewhere.engine.connect() as connection:
        assert zone == connection.scalar(text("SHOW TimeZone"))


def test_text_is_written_and_read_in_the_encoding_of_the_session(sessions: Sessions) -> None:
    """Also when that changes between two commands on one connection."""
    app = sessions.blog(client_encoding="latin1")
    app.execute_commands(sessions.new("Ünïcode", "bén", sessions.post_id))
    set_for_session(app, "client_encoding", "UTF8")
    app.execute_commands(AddComment(aggregate_id=sessions.post_id, text="für 5 €"))
    set_for_session(app, "client_encoding", "WIN1252")
    app.execute_commands(AddComment(aggregate_id=sessions.post_id, text="für 6 €"))
    for each in (app, sessions.app):
        assert ["für 5 €", "für 6 €"] == each.repository.load_aggregate(sessions.post_id, Post).comments
        for found in events_of(each, sessions.post_id):
            assert ("bén", "Ünïcode") == (vars_of(found[0])["author"], vars_of(found[1])["title"])


def vars_of(event: Event) -> dict[str, object]:
    """The attributes of an event."""
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_text_that_the_encoding_has_not_is_refused_before_anything_is_sent(sessions: Sessions) -> None:
    """The error says what to do, and holds nothing of the text; the connection goes on."""
    app = sessions.blog(client_encoding="latin1")
    app.execute_commands(sessions.new("first", id_=sessions.post_id))
    with pytest.raises(ConfigurationError, match="client_encoding of this connection, iso8859-1") as refused:
        app.execute_commands(
            AddComment(aggregate_id=sessions.post_id, text="kept"),
            AddComment(aggregate_id=sessions.post_id, text="5 €"),
        )
    assert (None, None) == (refused.value.__cause__, refused.value.__context__)
    assert "€" not in str(refused.value)
    app.execute_commands(AddComment(aggregate_id=sessions.post_id, text="later"))
    assert ["later"] == sessions.app.repository.load_aggregate(sessions.post_id, Post).comments


def test_text_that_cannot_be_read_is_an_error_and_leaves_the_connection_clean(sessions: Sessions) -> None:
    """What another session stored is not changed into something else."""
    app = sessions.blog(client_encoding="latin1")
    sessions.app.execute_commands(sessions.new("5 €", id_=sessions.post_id))
    for _ in range(3):
        with pytest.raises(DataError, match="has no equivalent in encoding"):
            app.repository.load_aggregate(sessions.post_id)
    app.execute_commands(sessions.new("other"))


@pytest.mark.parametrize("way", ["options", "database"])
def test_dates_in_another_style_are_refused_when_connecting(sessions: Sessions, way: str) -> None:
    """The driver could not read what it has written; the connection is closed at once."""
    app = sessions.blog_with(way, "DateStyle", "German")
    with pytest.raises(ConfigurationError, match="has German, DMY: remove DateStyle") as refused:
        app.execute_commands(sessions.new("first"))
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    with sessions.app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_until(lambda: connection.scalar(others) == 0, f"the connection to end, while {refused.value!r} is alive")
