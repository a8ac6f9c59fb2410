"""A database that is not ready, or cannot do what is asked, gives an error that says what to type."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sequent_sa import ConcurrencyError, ConfigurationError, DatabaseNotReady, Sequent
from sequent_sa.tables import event_records, metadata
from tests.blog import AddComment, AddPost, new_app
from tests.databases import Database


def test_an_empty_database_says_what_to_type(database: Database) -> None:
    """Both a new aggregate and a loaded one name the missing table and the command."""
    app = new_app(database.url)
    with pytest.raises(DatabaseNotReady, match="sequent db create-event-store"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    with pytest.raises(DatabaseNotReady, match="sequent db create-event-store"):
        app.execute_commands(AddComment(aggregate_id=app.new_uuid(), text="Hi"))
    with pytest.raises(DatabaseNotReady, match="sequent db create-event-store"):
        app.repository.load_aggregate(app.new_uuid())
    app.engine.dispose()


def test_a_database_in_memory_says_what_it_cannot_do() -> None:
    """A command inside a session explains itself; after the session it goes through."""
    app = new_app("sqlite://")
    app.create_all()
    with app.session() as session:
        session.connection()
        with pytest.raises(ConfigurationError, match="use a file"):
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    app.engine.dispose()


def test_a_store_that_was_emptied_under_a_running_process_gets_its_types_again(app: Sequent) -> None:
    """The first command says so and stores nothing; the next one stores events under the right names."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    with app.dialect.writing(app.engine) as connection, connection.begin():
        metadata.drop_all(connection)
        metadata.create_all(connection)
    app.activate_projectors()
    with pytest.raises(ConcurrencyError, match="execute the command again") as caught:
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Ho"))
    assert "ben" not in str(caught.value)
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Ho"))
    with app.session() as session:
        assert session.scalars(select(event_records.c.event_type)).all() == ["PostAdded", "PostTitleChanged"]
