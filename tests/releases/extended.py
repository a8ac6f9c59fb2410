"""A release with one more projector."""

from __future__ import annotations

from sequent_sa import Projector, on
from tests.releases import AnyNoteProjector, IndexRecord, NoteAdded, release


class NoteProjector(AnyNoteProjector, name="NoteProjector"):
    """Not changed."""


class IndexProjector(Projector, manages_tables=(IndexRecord,)):
    @on(NoteAdded)
    def added(self, event: NoteAdded) -> None:
        self.create_record(IndexRecord, aggregate_id=event.aggregate_id)


app = release(NoteProjector, IndexProjector)
