"""An application that had tables and an Alembic history of its own takes up events, as docs/guides say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.command_line import CommandLine
from tests.databases import Database

MODELS = '''
import os
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    """Of the application."""

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

engine = create_engine(os.environ["DATABASE_URL"])
'''

EVENTS = """
from uuid import UUID
from sqlalchemy.orm import Mapped, mapped_column
from sequent_sa import AggregateRoot, Command, CommandHandler, Event, Projector, Sequent, ViewRecordBase, on
from shop.models import engine

class SendInvoice(Command):
    customer_id: int

class InvoiceSent(Event):
    customer_id: int

class Invoice(AggregateRoot):
    def __init__(self, command: SendInvoice) -> None:
        super().__init__(command.aggregate_id)
        self.apply(InvoiceSent, customer_id=command.customer_id)

class InvoiceCommandHandler(CommandHandler):
    @on(SendInvoice)
    def send(self, command: SendInvoice) -> None:
        self.repository.add_aggregate(Invoice(command))

class ViewRecord(ViewRecordBase):
    __abstract__ = True

class InvoiceRecord(ViewRecord):
    __tablename__ = "invoice_records"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[int]

class InvoiceProjector(Projector, manages_tables=(InvoiceRecord,)):
    @on(InvoiceSent)
    def sent(self, event: InvoiceSent) -> None:
        self.create_record(InvoiceRecord, aggregate_id=event.aggregate_id, customer_id=event.customer_id)

app = Sequent(engine, command_handlers=[InvoiceCommandHandler], projectors=[InvoiceProjector])
"""

OWN_ENV = """
from alembic import context
from sequent_sa.alembic import without_tables_of
from shop.events import app
from shop.models import Base, engine

with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, include_name=without_tables_of(app)
    )
    with context.begin_transaction():
        context.run_migrations()
"""

ENV_OF_RECORDS = """
from sequent_sa.alembic import run_migrations
from shop.events import ViewRecord, app
from shop.models import Base

run_migrations(app.engine, target_metadata=ViewRecord.metadata, other_tables=Base.metadata.tables)
"""

SEND = """
from sqlalchemy import select
from shop.events import InvoiceRecord, SendInvoice, app
from shop.models import Customer

with app.session() as session:
    session.add(Customer(id=1, name="Kim"))
    app.execute_commands(SendInvoice(aggregate_id=app.new_uuid(), customer_id=1), session=session)
    session.commit()
    shown = select(Customer.name, InvoiceRecord.customer_id)
    print(*session.execute(shown.join(InvoiceRecord, InvoiceRecord.customer_id == Customer.id)).one())
app.engine.dispose()
"""

INI = "[alembic]\nscript_location = %(here)s/{}\nprepend_sys_path = %(here)s/{}\npath_separator = os\n"


@pytest.fixture
def host(database: Database, tmp_path: Path) -> CommandLine:
    """The application as it was: one table, made by its own history."""
    line = CommandLine(tmp_path, DATABASE_URL=database.url)
    for name in ("shop", "alembic/versions"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/models.py").write_text(MODELS)
    (tmp_path / "shop/events.py").write_text(EVENTS)
    (tmp_path / "alembic.ini").write_text(INI.format("alembic", "."))
    (tmp_path / "alembic/env.py").write_text(OWN_ENV)
    line.succeeds("sequent new template")
    shutil.copy(tmp_path / "template/alembic/script.py.mako", tmp_path / "alembic")
    line.succeeds("alembic revision --autogenerate -m customers")
    line.succeeds("alembic upgrade head")
    return line


def test_two_histories_in_one_database(host: CommandLine) -> None:
    """Neither wants to remove what is the other's, and each has a revision of its own."""
    records = host.directory / "records"
    shutil.copytree(host.directory / "template/alembic", records, ignore=shutil.ignore_patterns("0*.py"))
    (records / "env.py").write_text(ENV_OF_RECORDS)
    (records / "alembic.ini").write_text(INI.format(".", ".."))
    (host.directory / "pyproject.toml").write_text(
        '[tool.sequent]\napp = "shop.events:app"\nalembic_ini = "records/alembic.ini"\n'
    )
    host.succeeds("sequent db create-event-store")
    host.succeeds("alembic --config records/alembic.ini revision --autogenerate -m invoices")
    (revision,) = (records / "versions").glob("*_invoices.py")
    assert ("invoice_records" in revision.read_text(), "customers" in revision.read_text()) == (True, False)
    host.succeeds("sequent db create-view-schema")
    host.succeeds("sequent migrate online")
    host.succeeds("sequent migrate offline")
    host.succeeds("alembic --config records/alembic.ini check")
    host.succeeds("alembic check")
    host.succeeds("alembic upgrade head")
    assert "Kim 1\n" == host.python(SEND)
    host.succeeds("sequent types register")
    host.succeeds("sequent doctor")
