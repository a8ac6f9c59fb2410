"""State that events set by themselves, stored and loaded, with and without snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Sequent,
    SnapshotNotReadable,
    ValueObject,
    Workflow,
    on,
)
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.matchers import is_a
from tests.databases import Database


class Line(ValueObject):
    text: str


class LinesSet(Event):
    lines: list[Line]
    reason: str | None = None


class OwnerSet(Event):
    owner: str


class Invoice(AggregateRoot, autoset=(LinesSet, is_a(OwnerSet)), autoset_ignore=("reason",), snapshot_threshold=2):
    lines: list[Line] = []  # noqa: RUF012 - the framework copies it
    owner: str | None = None

    def bill(self, owner: str, *texts: str) -> None:
        self.apply_if_changed(OwnerSet, owner=owner)
        self.apply_if_changed(LinesSet, lines=[Line(text=each) for each in texts], reason="because")
        self.lines.append(Line(text="never stored"))


class Bill(Command):
    owner: str
    texts: list[str]


class InvoiceCommandHandler(CommandHandler):
    @on(Bill)
    def bill(self, command: Bill) -> None:
        invoice = self.repository.find_aggregate(command.aggregate_id, Invoice)
        if invoice is None:
            invoice = Invoice(command.aggregate_id)
            self.repository.add_aggregate(invoice)
        invoice.bill(command.owner, *command.texts)


class Seen(Workflow):
    texts: list[list[str]] = []  # noqa: RUF012 - what a test looks at

    @on(LinesSet)
    def lines(self, event: LinesSet) -> None:
        self.texts.append([line.text for line in event.lines])


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """An application that sends invoices."""
    app = Sequent(database.url, command_handlers=[InvoiceCommandHandler], workflows=[Seen])
    app.create_all()
    Seen.texts.clear()
    yield app
    app.engine.dispose()


def loaded(app: Sequent, invoice_id: UUID) -> tuple[str | None, list[str], int]:
    """What the application loads of an invoice."""
    invoice = app.repository.load_aggregate(invoice_id, Invoice)
    return invoice.owner, [line.text for line in invoice.lines], invoice.version


def test_what_events_set_is_loaded(app: Sequent) -> None:
    """From the events, from a snapshot, and from a snapshot with later events; workflows get events as they were."""
    invoice_id = app.new_uuid()
    app.execute_commands(Bill(aggregate_id=invoice_id, owner="Kim", texts=["a", "b"]))
    assert ("Kim", ["a", "b"], 2) == loaded(app, invoice_id)
    assert [["a", "b"]] == Seen.texts

    assert [invoice_id] == app.snapshots.take(10).taken
    with app.unit_of_work():
        assert ("Kim", ["a", "b"], 2) == loaded(app, invoice_id)

    app.execute_commands(Bill(aggregate_id=invoice_id, owner="Kim", texts=["c"]))
    assert ("Kim", ["c"], 3) == loaded(app, invoice_id)
    app.execute_commands(Bill(aggregate_id=invoice_id, owner="Kim", texts=["c"]))
    assert ("Kim", ["c"], 3) == loaded(app, invoice_id)


def test_a_snapshot_holds_what_was_set(app: Sequent) -> None:
    """A class with more state does not read it, as it would not when a handler had set the state."""
    invoice_id = app.new_uuid()
    app.execute_commands(Bill(aggregate_id=invoice_id, owner="Kim", texts=["a"]))
    snapshot = app.repository.load_aggregate(invoice_id, Invoice).take_snapshot()
    stream = EventStream("Invoice", invoice_id, snapshot=snapshot)
    restored = Invoice.load_from_history(stream, [])
    assert ("Kim", [Line(text="a")]) == (restored.owner, restored.lines)
    restored.apply(LinesSet, lines=[])
    assert ("Kim", []) == (restored.owner, restored.lines)

    class Later(AggregateRoot, autoset=(LinesSet, OwnerSet), snapshot_threshold=2):
        lines: list[Line] = []  # noqa: RUF012 - the framework copies it
        owner: str | None = None
        reason: str | None = None

    with pytest.raises(SnapshotNotReadable, match="reason"):
        Later.load_from_history(stream, [])
