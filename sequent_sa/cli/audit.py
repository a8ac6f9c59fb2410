"""`sequent audit`, `sequent show` and `sequent events`: what happened, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import click
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from sequent_sa import database, tables
from sequent_sa._asynchronous import pause
from sequent_sa.application import Sequent
from sequent_sa.audit import CommandRecord, EventRecord
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.numbers import POSITIVE
from sequent_sa.cli.record_lines import show_event, show_event_record, show_tree
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.exceptions import ConfigurationError

_SECONDS_BETWEEN_LOOKS = 0.5
_RECORDS_IN_MEMORY = 1_000
_IDS_END = 2**63
_NUMBERS_END = 2**31
"""No database counts as far as that."""


@click.command()
@click.argument("record", metavar="COMMAND_OR_EVENT")
@json_option
@pass_finder
def audit(finder: ApplicationFinder, record: str, as_json: bool) -> None:
    """Show what a command caused, from the command with which it all began.

    COMMAND_OR_EVENT is the id of a command, or an event as AGGREGATE_ID/NUMBER.

    Example: sequent audit 42
    """
    app = _application(finder)
    with app.session() as session:
        show_tree(Report(as_json), session, _record(session, record).origin, app.type_names)


@click.command()
@click.argument("aggregate_id", type=click.UUID, metavar="STREAM")
@click.option("--until", metavar="MOMENT", help="As it was just before this moment, such as 2026-01-31T12:00:00Z.")
@json_option
@pass_finder
def show(finder: ApplicationFinder, aggregate_id: UUID, until: str | None, as_json: bool) -> None:
    """Show the events and the state of an aggregate, now or at an earlier moment.

    Example: sequent show 0198c0de-0000-7000-8000-000000000001 --until 2026-01-31
    """
    app, report = _application(finder), Report(as_json)
    moment = None if until is None else _moment(until)
    aggregate = app.repository.load_aggregate(aggregate_id, until=moment)
    with app.session() as session:
        statement = select(EventRecord).where(EventRecord.__table__.c.aggregate_id == aggregate_id)
        statement = statement.order_by(EventRecord.__table__.c.sequence_number)
        for record in session.scalars(statement, execution_options={"yield_per": _RECORDS_IN_MEMORY}):
            if moment is not None and record.created_at >= moment:
                break
            show_event_record(report, record, app.type_names)
    state = {
        name: value for name, value in vars(aggregate).items() if not name.startswith("_") and name != "aggregate_id"
    }
    name = type(aggregate).__name__
    report.say(
        {"aggregate_type": name, "aggregate_id": aggregate_id, "version": aggregate.version, "state": state},
        (name, "bold"),
        f" {aggregate_id}, version {aggregate.version}",
    )
    for attribute, value in state.items():
        report.note("  ", (attribute, "cyan"), f" = {value!r}")


@click.command()
@click.option("--type", "types", multiple=True, metavar="NAME", help="Only events of this type; may be repeated.")
@click.option("--limit", type=POSITIVE, default=20, show_default=True, help="How many of the latest.")
@click.option("--follow", is_flag=True, help="Go on with those that are stored from now on, until Ctrl-C.")
@json_option
@pass_finder
def events(finder: ApplicationFinder, types: tuple[str, ...], limit: int, follow: bool, as_json: bool) -> None:
    """Show the latest events, in the order in which their commands were stored.

    Example: sequent events --type PostAdded --limit 100
    """
    app, report = _application(finder), Report(as_json)
    unknown = [name for name in types if app.type_names.find_event(name) is None]
    if unknown:
        raise ConfigurationError(f"there is no event called {', '.join(unknown)} in this application")
    with app.engine.connect() as connection:
        mark = app.dialect.position_mark(connection)
    _show_latest(app, report, types, limit, mark)
    while follow:
        mark = show_since(app, report, types, mark)
        pause(_SECONDS_BETWEEN_LOOKS)


def show_since(app: Sequent, report: Report, types: tuple[str, ...], mark: str) -> str:
    """Print what was committed since a mark; returns that behind it."""
    names = types or app.type_names.event_names
    with app.engine.connect() as connection:
        until = app.dialect.position_mark(connection)
        for _, event in app.event_reader.events(connection, names, after=mark, until=until):
            show_event(report, event, app.type_names.name_of(type(event)))
    return until


def _show_latest(app: Sequent, report: Report, types: tuple[str, ...], limit: int, mark: str) -> None:
    columns, stored = EventRecord.__table__.c, tables.events.c
    key = ("partition_key", "aggregate_id", "sequence_number")
    same = and_(*(stored[name] == columns[name] for name in key))
    statement = select(EventRecord).join(tables.events, same).where(*app.dialect.committed_between(None, mark))
    statement = statement.order_by(stored.command_id.desc(), stored.aggregate_id.desc(), stored.sequence_number.desc())
    if types:
        statement = statement.where(columns.event_type.in_(types))
    with app.session() as session:
        for record in reversed(session.scalars(statement.limit(limit)).all()):
            show_event_record(report, record, app.type_names)


def _application(finder: ApplicationFinder) -> Sequent:
    app = finder.application
    database.check_event_store(app.engine)
    return app


def _record(session: Session, name: str) -> CommandRecord | EventRecord:
    found: CommandRecord | EventRecord | None
    aggregate_id, slash, number = name.partition("/")
    try:
        if slash:
            found = session.get(EventRecord, (UUID(aggregate_id), _number(number, _NUMBERS_END)))
        else:
            found = session.get(CommandRecord, _number(name, _IDS_END))
    except ValueError as error:
        raise ConfigurationError(
            f"{name!r} is neither the id of a command, such as 42, nor an event as AGGREGATE_ID/NUMBER"
        ) from error
    if found is None:
        raise ConfigurationError(f"there is no {'event' if slash else 'command'} {name} in the event store")
    return found


def _number(text: str, end: int) -> int:
    number = int(text)
    if not 0 < number < end:
        raise ValueError
    return number


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--until {text!r} is no moment: write 2026-01-31T12:00:00Z") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
