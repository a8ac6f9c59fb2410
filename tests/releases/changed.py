"""A release in which the projector has another version."""

from __future__ import annotations

from tests.releases import AnyNoteProjector, release


class NoteProjector(AnyNoteProjector, name="NoteProjector", version=2):
    """Changed."""


app = release(NoteProjector)
