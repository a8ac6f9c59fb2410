"""The first release."""

from __future__ import annotations

from tests.releases import AnyNoteProjector, release


class NoteProjector(AnyNoteProjector, name="NoteProjector"):
    """As it was."""


app = release(NoteProjector)
