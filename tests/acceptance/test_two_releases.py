"""Two releases of one application side by side, in processes of their own, while the new one is taken live."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sequent_sa import Sequent
from sequent_sa.tables import events
from tests.acceptance.command_line import CommandLine
from tests.databases import Database
from tests.releases import IndexRecord, NoteRecord, changed, extended, first

ROOT = Path(__file__).parents[2]
SECONDS = 120

WORK = """
import sys, time
from importlib import import_module
from pathlib import Path
from sequent_sa import SequentError
from tests.releases import AddNote
app = import_module(sys.argv[1]).app
while not Path("stop").exists():
    try:
        app.execute_commands(AddNote(aggregate_id=app.new_uuid(), by=sys.argv[1]))
    except SequentError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    else:
        print("stored", flush=True)
    time.sleep(0.01)
"""
_INI = "[alembic]\nscript_location = %(here)s/alembic\npath_separator = os\n"
_ENV = """
from sequent_sa.alembic import run_migrations
from tests.releases import ViewRecord
from tests.releases.first import app
run_migrations(app.engine, target_metadata=ViewRecord.metadata)
"""


class Release:
    """A process that executes commands, one after the other; `lines` is what came of them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.lines.append(line.rstrip())
                self._more.notify_all()

    def wait_for(self, number: int, what: str) -> None:
        """Wait until so many more commands have ended like this."""
        with self._more:
            start = len(self.lines)
            assert self._more.wait_for(
                lambda: sum(line.startswith(what) for line in self.lines[start:]) >= number, SECONDS
            ), self.lines[-3:]

    def end(self) -> None:
        """Wait until the process has ended."""
        self._process.wait(SECONDS)
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def stored(self) -> int:
        """How many commands were stored."""
        return self.lines.count("stored")

    @property
    def errors(self) -> set[str]:
        """All that went wrong."""
        return set(self.lines) - {"stored"}


Side = Callable[[str], Release]


@pytest.fixture
def project(migrated_database: Database, tmp_path: Path) -> CommandLine:
    """A project whose first release is live."""
    (tmp_path / "pyproject.toml").write_text('[tool.sequent]\napp = "tests.releases.first:app"\n')
    (tmp_path / "alembic.ini").write_text(_INI)
    (tmp_path / "alembic" / "versions").mkdir(parents=True)
    (tmp_path / "alembic" / "env.py").write_text(_ENV)
    app = first.app.on(migrated_database.url)
    app.create_all()
    app.engine.dispose()
    return CommandLine(tmp_path, DATABASE_URL=migrated_database.url, SEQUENT_ENV="production", PYTHONPATH=str(ROOT))


@contextmanager
def side_by_side(project: CommandLine) -> Iterator[Side]:
    """Starts releases, and ends them."""
    started: list[Release] = []

    def start(module: str) -> Release:
        process = subprocess.Popen(
            [sys.executable, "-c", WORK, module],
            cwd=project.directory,
            env=project.variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(Release(process))
        return started[-1]

    try:
        yield start
    finally:
        (project.directory / "stop").touch()
        for release in started:
            release.end()


def count(app: Sequent, what: object) -> int:
    """The number of rows."""
    with app.session() as session:
        return session.scalar(select(func.count()).select_from(what)) or 0  # type: ignore[arg-type]


def stopped_for_good(release: Release) -> bool:
    """Whether nothing was stored after the first error."""
    place = next(number for number, line in enumerate(release.lines) if line != "stored")
    return "stored" not in release.lines[place:]


def test_a_changed_projector_is_taken_live(project: CommandLine, migrated_database: Database) -> None:
    """Each release executes commands only while its version is active, and at the end every row is the new one's."""
    refused = "DifferentProjectorVersionIsActive: NoteProjector version 1 is active, this code has version 2"
    stopped = "DifferentProjectorVersionIsActive: NoteProjector version 2 is active, this code has version 1"
    with side_by_side(project) as start:
        old, new = start("tests.releases.first"), start("tests.releases.changed")
        old.wait_for(5, "stored")
        new.wait_for(2, refused)
        project.succeeds("sequent --app tests.releases.changed:app migrate online")
        old.wait_for(5, "stored")
        new.wait_for(2, refused)
        assert new.stored == 0
        project.succeeds("sequent --app tests.releases.changed:app migrate offline")
        old.wait_for(2, stopped)
        new.wait_for(5, "stored")
    assert stopped_for_good(old)
    assert all(error.startswith(stopped) for error in old.errors)
    assert all(error.startswith(refused) for error in new.errors)
    app = changed.app.on(migrated_database.url)
    assert count(app, events) == old.stored + new.stored
    assert count(app, NoteRecord) == old.stored + new.stored
    with app.session() as session:
        assert {2} == set(session.scalars(select(NoteRecord.shown_by)))
    app.engine.dispose()


def test_one_more_projector_is_taken_live(project: CommandLine, migrated_database: Database) -> None:
    """Both releases work until then, and the new projector gets nothing; from that moment the old release stops."""
    stopped = "UnknownActiveProjector: IndexProjector is active, but this code does not have it"
    app = extended.app.on(migrated_database.url)
    with side_by_side(project) as start:
        old, new = start("tests.releases.first"), start("tests.releases.extended")
        old.wait_for(5, "stored")
        new.wait_for(5, "stored")
        project.succeeds("sequent --app tests.releases.extended:app migrate online")
        old.wait_for(5, "stored")
        new.wait_for(5, "stored")
        assert count(app, IndexRecord) == 0
        project.succeeds("sequent --app tests.releases.extended:app migrate offline")
        old.wait_for(2, stopped)
        new.wait_for(5, "stored")
    assert stopped_for_good(old)
    assert all(error.startswith(stopped) for error in old.errors)
    assert new.errors == set()
    assert [old.stored + new.stored] * 3 == [count(app, each) for each in (events, NoteRecord, IndexRecord)]
    app.engine.dispose()
