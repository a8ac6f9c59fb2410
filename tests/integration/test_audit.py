"""Every event knows the command that caused it, and every command of a workflow its event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, inspect, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sequent_sa import AggregateRoot, Command, CommandHandler, Event, RecordNotFound, Secret, Sequent, on
from sequent_sa.audit import AuditRecord, CommandRecord, EventRecord, StreamRecord, record_of
from sequent_sa.cli.record_lines import show_event, show_event_record, show_tree
from sequent_sa.cli.reporting import Report
from sequent_sa.tables import commands
from tests.blog import AddComment, AddPost, CommentAdded, PostAdded, PostTitleChanged
from tests.databases import Database

USER = uuid4()


@pytest.fixture
def post_id(app: Sequent) -> UUID:
    """A post to which a workflow adds a comment."""
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="newcomer", title="Hi", user_id=USER))
    return id_


@pytest.fixture
def session(app: Sequent, post_id: UUID) -> Iterator[Session]:
    with app.session() as session:
        yield session


def test_commands_and_events_know_each_other(session: Session, post_id: UUID) -> None:
    """Parents, children and origins, in both directions."""
    added, comment = session.scalars(select(CommandRecord).order_by(CommandRecord.id))
    assert (added.command_type, added.user_id, added.parent) == ("AddPost", USER, None)
    assert [event.event_type for event in added.children] == ["PostAdded", "PostTitleChanged"]
    assert comment.parent is added.children[0]
    assert added.children[0].children == [comment]
    assert added.children[1].children == []
    assert (added.origin, comment.origin, comment.children[0].origin) == (added, added, added)
    assert comment.children[0].parent is comment
    assert session.get_one(StreamRecord, post_id).aggregate_type == "Post"


def test_records_give_back_what_was_stored(app: Sequent, session: Session, post_id: UUID) -> None:
    """Messages that are equal to the ones that were executed and applied, envelope included."""
    added, comment = session.scalars(select(CommandRecord).order_by(CommandRecord.id))
    command = added.command(app.type_names)
    assert command == AddPost(aggregate_id=post_id, author="newcomer", title="Hi")
    assert (command.user_id, command.created_at) == (USER, added.created_at)
    caused = comment.command(app.type_names)
    assert caused == AddComment(aggregate_id=post_id, text="welcome")
    assert (caused.event_aggregate_id, caused.event_sequence_number) == (post_id, 1)
    events = [event.event(app.type_names) for event in (*added.children, *comment.children)]
    assert events == [
        PostAdded(post_id, 1, author="newcomer"),
        PostTitleChanged(post_id, 2, title="Hi"),
        CommentAdded(post_id, 3, text="welcome"),
    ]
    assert added.children[1].attributes == '{"title": "Hi"}'


def test_the_record_of_an_event_is_found(app: Sequent, session: Session, post_id: UUID) -> None:
    """From the event; one that was never stored has none."""
    record = record_of(session, PostAdded(post_id, 1, author="newcomer"))
    assert record.origin.command_type == "AddPost"
    with pytest.raises(RecordNotFound, match="no EventRecord matches"):
        record_of(session, PostAdded(post_id, 9, author="newcomer"))


def test_a_retired_event_has_a_record_and_no_object(database: Database, session: Session) -> None:
    """It stays in the trail."""
    later = Sequent(database.url, retired_events=["PostAdded"])
    record = session.scalars(select(EventRecord)).first()
    assert record is not None
    assert record.event(later.type_names) is None


Change = Callable[[Session, AuditRecord], object]


def _inserted(session: Session, record: AuditRecord) -> None:
    columns = inspect(type(record)).columns
    session.execute(insert(type(record)).values({column.key: getattr(record, column.key) for column in columns}))


def _changed(_session: Session, record: AuditRecord) -> None:
    setattr(record, "created_at", datetime(2026, 1, 1, tzinfo=UTC))  # noqa: B010 - all three have it


def _change_first(app: Sequent, record_type: type[AuditRecord], change: Change) -> None:
    with app.session() as session:
        change(session, session.scalars(select(record_type)).all()[0])
        session.commit()


@pytest.mark.parametrize("change", [_inserted, _changed, Session.delete], ids=["inserted", "changed", "deleted"])
@pytest.mark.parametrize("record_type", [StreamRecord, CommandRecord, EventRecord])
def test_records_are_for_reading(
    app: Sequent, session: Session, record_type: type[AuditRecord], change: Change
) -> None:
    """The database refuses whatever is done to them, and nothing has changed."""
    everything = select(*inspect(record_type).columns)
    before = session.execute(everything).all()
    with pytest.raises(DBAPIError, match="view"):
        _change_first(app, record_type, change)
    assert before == session.execute(everything).all()


@pytest.mark.parametrize("missing", ["event_aggregate_id", "event_sequence_number"])
def test_half_a_cause_is_none(app: Sequent, session: Session, post_id: UUID, missing: str) -> None:
    """A command whose event is not fully named has no parent, so that all began with it."""
    (comment,) = session.scalars(select(CommandRecord).where(CommandRecord.command_type == "AddComment"))
    assert comment.parent is not None
    with app.engine.begin() as connection:
        connection.execute(update(commands).where(commands.c.id == comment.id).values({missing: None}))
    session.rollback()
    session.expire_all()
    assert comment.origin is comment
    assert [] == record_of(session, PostAdded(post_id, 1, author="newcomer")).children


class PasswordChanged(Event):
    password: Secret
    by: str


class Account(AggregateRoot):
    pass


class ChangePassword(Command):
    password: Secret


class ChangePasswordHandler(CommandHandler):
    @on(ChangePassword)
    def change(self, command: ChangePassword) -> None:
        account = Account(command.aggregate_id)
        account.apply(PasswordChanged, password=command.password, by="ben")
        self.repository.add_aggregate(account)


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "JSON"])
def test_secrets_are_not_printed(database: Database, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    """Neither they nor their hashes, which somebody could try words on."""
    app = Sequent(database.url, command_handlers=[ChangePasswordHandler], environment="test")
    app.create_all()
    account_id = app.new_uuid()
    app.execute_commands(ChangePassword(aggregate_id=account_id, password=Secret("hunter2")))
    report = Report(as_json)
    (event,) = app.event_log.stream_events(account_id)
    show_event(report, event, "PasswordChanged")
    with app.session() as session:
        show_event_record(report, session.scalars(select(EventRecord)).one(), app.type_names)
        show_tree(report, session, session.scalars(select(CommandRecord)).one(), app.type_names)
    printed = capsys.readouterr().out
    assert (3, 0, 0) == (printed.count('"by": "ben"'), printed.count("argon2"), printed.count('password"'))
    app.engine.dispose()
