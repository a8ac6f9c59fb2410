"""What is written to the log: who did what, never with which values."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete

from sequent_sa import Command, CommandHandler, Secret, Sequent, on
from sequent_sa.tables import projector_states
from tests.blog import AddPost, new_app
from tests.databases import Database
from tests.integration.callers import stored

ROOT = Path(__file__).parents[2]


class SignUp(Command):
    email: str
    password: Secret


class SignUpHandler(CommandHandler):
    @on(SignUp)
    def sign_up(self, command: SignUp) -> None:
        assert command.password.is_hashed


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What this library said: others may warn, of a connection that an earlier test has left for example."""
    return [record for record in caplog.records if record.name.startswith("sequent_sa")]


def test_each_step_can_be_followed(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """At level DEBUG: what is registered, executed, stored and handled; with the names and ids as extras."""
    id_ = app.new_uuid()
    with caplog.at_level(logging.DEBUG, "sequent_sa"):
        new_app(str(app.engine.url)).parts  # noqa: B018 - finding them is what is logged
        app.execute_commands(AddPost(aggregate_id=id_, author="newcomer", title="my words"))
    assert "registered PostProjector" in caplog.messages
    sent = [record.message for record in caplog.records if record.name == "sequent_sa.dialects.driver_transaction"]
    assert any("INSERT INTO" in message for message in sent)
    said = [record.message for record in ours(caplog)]
    steps = [message for message in said if not message.startswith("registered") and message not in sent]
    assert steps == [
        "executing AddPost",
        "AddPost has 2 events",
        "PostProjector handles PostAdded",
        "WelcomeWorkflow handles PostAdded",
        "PostProjector handles PostTitleChanged",
        "executing AddComment",
        "AddComment has 1 events",
        "PostProjector handles CommentAdded",
    ]
    handled = next(record for record in caplog.records if record.message == "PostProjector handles PostTitleChanged")
    extras = {name: vars(handled)[name] for name in ("handler", "event", "aggregate_id", "sequence_number")}
    assert extras == {
        "handler": "PostProjector",
        "event": "PostTitleChanged",
        "aggregate_id": id_,
        "sequence_number": 2,
    }
    assert "my words" not in caplog.text


def test_above_the_level_for_debugging_there_is_silence(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing to report, nothing reported."""
    with caplog.at_level(logging.INFO, "sequent_sa"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    assert ours(caplog) == []


def test_a_secret_is_never_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Not in clear, and not as its hash; neither are other values."""
    app = Sequent(database.url, command_handlers=[SignUpHandler], environment="test")
    app.create_all()
    with caplog.at_level(logging.DEBUG, "sequent_sa"):
        app.execute_commands(SignUp(aggregate_id=app.new_uuid(), email="ben@sequent.io", password=Secret("hunter2")))
    logged = caplog.text + str([vars(record) for record in caplog.records])
    assert "executing SignUp" in logged
    assert not any(word in logged for word in ("hunter2", "argon2", "ben@sequent.io"))
    app.engine.dispose()


def test_the_words_of_an_error_are_for_debugging(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """A database says which row it refused. Above DEBUG there is the name of the error, and how often it was tried."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    store = "sequent_schema." if app.dialect.name == "postgresql" else ""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.exec_driver_sql(f"UPDATE {store}command_types SET type = 'Other'")  # as a restore might do
    with caplog.at_level(logging.INFO, "sequent_sa"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="my words", title="Ho"), retries=1)
    (record,) = ours(caplog)
    assert "trying again after a lost race (ConcurrencyError)" == record.getMessage()
    assert (1, "ConcurrencyError", None) == (vars(record)["attempt"], vars(record)["error"], record.exc_info)


def test_a_projector_that_gets_no_events_is_named(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """In production, where the deployment decides when it is activated, somebody has to hear of it."""
    live = Sequent(app.engine, packages=["tests.blog"], environment="production")
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(delete(projector_states))
    with caplog.at_level(logging.WARNING, "sequent_sa"):
        live.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="my words"))
    (record,) = ours(caplog)
    assert "PostProjector was never activated and gets no events" == record.getMessage()
    assert "PostProjector" == vars(record)["projector"]
    assert (2, 0) == stored(live)


def test_nothing_is_printed_unless_somebody_listens(tmp_path: Path) -> None:
    """Python prints warnings of libraries that nobody configured logging for; ours keep quiet."""
    program = f"""
from tests.blog import AddPost, new_app, PostProjector
from sequent_sa import Sequent
app = Sequent("sqlite:///{tmp_path}/blog.db", packages=["tests.blog"], environment="production")
app.create_all()
with app.engine.begin() as connection:
    connection.exec_driver_sql("DELETE FROM projector_states")
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
