"""`sequent` in the process of the tests: what it does and prints, without the time that a program takes to start."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from sequent_sa.cli.main import run

BLOG = "tests.blog.app:app"
LEDGER = "tests.ledger.app:app"


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    def line(self) -> str:
        """The one line on stderr, when nothing else was printed."""
        assert "" == self.out
        assert 1 == len(self.err.splitlines()), self.err
        assert self.err.startswith("Error: ")
        return self.err.strip()

    def lines(self) -> list[str]:
        """All that was printed."""
        return (self.out + self.err).strip().splitlines()


@contextmanager
def imported_anew(app: str) -> Iterator[None]:
    """Who asks for this application in this block gets one of its own, which knows no other test's database."""
    name, _, attribute = app.partition(":")
    sys.modules.pop(name, None)
    try:
        yield
    finally:
        used = sys.modules.pop(name, None)
        if used is not None and "engine" in vars(found := getattr(used, attribute)):
            found.engine.dispose()


class CommandLine:
    """Runs commands in one directory; each finds an application that is imported anew."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        monkeypatch.chdir(directory)
        monkeypatch.setattr(sys, "path", [*sys.path])  # the directory becomes the first place to look for applications
        for name in ("DATABASE_URL", "SEQUENT_APP", "SEQUENT_ENV"):
            monkeypatch.delenv(name, raising=False)
        self._monkeypatch = monkeypatch
        self._capfd = capfd  # what worker processes print, too

    def __call__(
        self, command: str | Sequence[str], *, app: str | None = BLOG, url: str | None = None, typed: str = ""
    ) -> Done:
        """Run what stands behind `sequent`; `typed` is what somebody answers."""
        words = shlex.split(command) if isinstance(command, str) else command
        if url is not None:
            self._monkeypatch.setenv("DATABASE_URL", url)
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        self._capfd.readouterr()
        if app is None:
            return self._run(words)
        with imported_anew(app):
            return self._run(["--app", app, *words])

    def _run(self, words: Sequence[str]) -> Done:
        try:
            status = run(words)
        except SystemExit as end:
            status = int(end.code or 0)
        return Done(status, *self._capfd.readouterr())
