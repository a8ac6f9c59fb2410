"""Enqueuing a job of procrastinate in the transaction of the events, as docs/guides/workflows.md says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
import pytest
from sqlalchemy import text

from sequent_sa import Sequent, Workflow, on
from tests.blog import AddPost, FailAfterRename, PostAdded, PostCommandHandler, PostProjector
from tests.databases import PostgreSQLDatabases

sent: list[str] = []
jobs = procrastinate.App(connector=procrastinate.PsycopgConnector())


@jobs.task(name="tell_author", queue="mail")
def tell_author(post_id: str) -> None:
    """What a worker does later."""
    sent.append(post_id)


class TellAuthor(Workflow):
    @on(PostAdded)
    def tell(self, event: PostAdded) -> None:
        with self.connection() as connection:
            driver: Any = connection.connection.driver_connection
            jobs.configure_task("tell_author", queue="mail", connection=driver).defer(post_id=str(event.aggregate_id))


@pytest.fixture
def app(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    """The blog with a job for each post, and the queue in the same database."""
    app = Sequent(
        postgresql_databases.create().url,
        command_handlers=[PostCommandHandler],
        projectors=[PostProjector],
        workflows=[TellAuthor],
        environment="test",
    )
    app.create_all()
    with psycopg.connect(plain_url(app), autocommit=True) as connection:
        connection.execute(procrastinate.schema.SchemaManager.get_schema().encode())
    yield app
    app.engine.dispose()


def plain_url(app: Sequent) -> str:
    """The database as procrastinate wants to be told."""
    return app.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def queued(app: Sequent) -> list[tuple[str, str, str]]:
    """The jobs that wait: their task, queue, and the post that they are about."""
    with app.session() as session:
        found = session.execute(
            text("SELECT task_name, queue_name, args ->> 'post_id' FROM procrastinate_jobs ORDER BY id")
        )
        return [(task, queue, post_id) for task, queue, post_id in found]


def add(app: Sequent, post_id: UUID) -> AddPost:
    return AddPost(aggregate_id=post_id, author="ben", title=str(post_id))


def test_a_job_is_there_if_and_only_if_its_event_is(app: Sequent) -> None:
    """It is enqueued by the commit that stores the event, and not when that is rolled back."""
    one, two, three = (app.new_uuid() for _ in range(3))
    app.execute_commands(add(app, one), add(app, two))
    with pytest.raises(RuntimeError, match="changed my mind"):
        app.execute_commands(add(app, three), FailAfterRename(aggregate_id=three, title="x"))
    app.dry_run(add(app, three), deep=True)
    assert [("tell_author", "mail", str(one)), ("tell_author", "mail", str(two))] == queued(app)


def test_a_worker_finds_the_job(app: Sequent) -> None:
    """What was enqueued is an ordinary job of the queue."""
    post_id = app.new_uuid()
    app.execute_commands(add(app, post_id))
    with jobs.replace_connector(procrastinate.PsycopgConnector(conninfo=plain_url(app))) as working:
        working.run_worker(wait=False, install_signal_handlers=False, listen_notify=False)
    assert [str(post_id)] == sent
