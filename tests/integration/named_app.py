"""The blog's application by name, as the command line finds it, in the process of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

MODULE = "tests.blog.app"
NAME = f"{MODULE}:app"


@contextmanager
def imported_anew() -> Iterator[None]:
    """Whoever asks for `NAME` in this block gets an application of its own: one that knows no other test's database."""
    sys.modules.pop(MODULE, None)
    try:
        yield
    finally:
        used = sys.modules.pop(MODULE, None)
        if used is not None and "engine" in vars(used.app):
            used.app.engine.dispose()
