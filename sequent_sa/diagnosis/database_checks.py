"""The database itself, and whether its tables are those of this code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import false, insert, select
from sqlalchemy.exc import DBAPIError

from sequent_sa import database
from sequent_sa.application import Sequent
from sequent_sa.diagnosis.finding import Finding, error, ok, warning
from sequent_sa.exceptions import SequentError
from sequent_sa.projections.activation import missing_tables
from sequent_sa.tables import events


def check_database(app: Sequent) -> Iterator[Finding]:
    """Whether it is there and can be reached, and how it is set up."""
    url = app.engine.url
    name = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        yield warning("database", "it is in memory, and gone with the process", "set DATABASE_URL")
    elif not database.database_exists(url.render_as_string(hide_password=False)):
        yield error("database", f"there is no database {name}", "sequent db create")
        return
    with app.engine.connect() as connection:
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        yield ok("database", f"{connection.dialect.name} {version}, {name}")
        doubtful = list(app.dialect.doubtful_settings(connection))
    for text in doubtful:
        yield warning("settings", text, "change it in the configuration of the database")
    if not doubtful:
        yield ok("settings", "what is committed is safe, as far as settings say")


def check_event_store(app: Sequent) -> Iterator[Finding]:
    """Whether it has the tables of this version, and may be written. Raises `DatabaseNotReady` when it has not."""
    database.check_event_store(app.engine)
    current, _ = database.event_store_revision(app.engine)
    with app.dialect.writing(app.engine) as connection, connection.begin() as transaction:
        connection.execute(insert(events).from_select(list(events.c), select(events).where(false())))
        transaction.rollback()
    yield ok("event store", f"at revision {current}, the one of this version of sequent-sa")


def check_view_tables(app: Sequent, alembic_ini: Path | None) -> Iterator[Finding]:
    """Whether they are there, and their migrations have run."""
    if alembic_ini is None:
        with app.engine.connect() as connection:
            database.NoViewHistory().upgrade(connection)
        yield ok("view tables", f"they have no migrations: there is no {app.configuration.view_migrations}")
    else:
        try:
            current, head = database.view_revision(app.engine, alembic_ini)
        except (DBAPIError, SequentError):
            raise
        except Exception as reason:  # whatever the application's own revisions do
            text = f"the migrations cannot be imported: {type(reason).__name__}: {reason}"
            yield error("view tables", text, "alembic history shows where")
            return
        if current != head:
            text = f"at revision {current or 'none'}, and this code has {head or 'none'}"
            yield error("view tables", text, "sequent migrate online, then sequent migrate offline")
            return
        yield ok("view tables", f"at revision {current or 'none'}, the one of this code")
    with app.engine.connect() as connection:
        missing = [table.fullname for table in missing_tables(connection, app.dialect, app.projectors)]
    if missing:
        fix = "sequent migrate online, then sequent migrate offline" if alembic_ini else "app.create_all()"
        yield error("view tables", f"there is no table {', '.join(missing)}", fix)
