"""Three releases of one application, which are upgraded while they run: notes, and who showed them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import AggregateRoot, Command, CommandHandler, Event, Projector, Sequent, ViewRecordBase, on


class AddNote(Command):
    by: str


class NoteAdded(Event):
    by: str


class Note(AggregateRoot):
    def __init__(self, command: AddNote) -> None:
        super().__init__(command.aggregate_id)
        self.apply(NoteAdded, by=command.by)

    @on(NoteAdded)
    def _added(self, event: NoteAdded) -> None:
        self.by = event.by


class NoteCommandHandler(CommandHandler):
    @on(AddNote)
    def add(self, command: AddNote) -> None:
        self.repository.add_aggregate(Note(command))


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class NoteRecord(ViewRecord):
    __tablename__ = "note_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    shown_by: Mapped[int]


class IndexRecord(ViewRecord):
    __tablename__ = "index_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)


class AnyNoteProjector(Projector, manages_tables=(NoteRecord,)):
    """Writes down which version of it wrote a row."""

    @on(NoteAdded)
    def added(self, event: NoteAdded) -> None:
        self.create_record(NoteRecord, aggregate_id=event.aggregate_id, shown_by=self.version)


def release(*projectors: type[Projector], database: str | None = None, environment: str | None = None) -> Sequent:
    """The application with these projectors; without a database, on the one that DATABASE_URL names."""
    return Sequent(database, command_handlers=[NoteCommandHandler], projectors=projectors, environment=environment)
