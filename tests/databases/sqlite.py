"""SQLite databases: files in a directory of the test run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, create_engine

from tests.databases.database import Database, DatabaseName


class SQLiteDatabases:
    """Makes SQLite databases below `directory`."""

    name: DatabaseName = "sqlite"

    def __init__(self, directory: Path, migrate: Callable[[Engine], None]) -> None:
        self._migrate = migrate
        self._directory = directory
        self._template: Path | None = None
        self._made: list[Database] = []

    def create(self) -> Database:
        """A file that does not exist yet; SQLite makes it at the first connection."""
        return self._open(self._new_path())

    def create_migrated(self) -> Database:
        """A copy of the file that was migrated once."""
        path = self._new_path()
        shutil.copyfile(self._migrated_template(), path)
        return self._open(path)

    def drop_all(self) -> None:
        """Close the engines and remove the directories."""
        while self._made:
            engine = self._made.pop().engine
            engine.dispose()
            if engine.url.database is not None:
                shutil.rmtree(Path(engine.url.database).parent)

    def close(self) -> None:
        """Nothing to do: pytest removes its temporary directories."""

    def _new_path(self) -> Path:
        # a directory for each, since SQLite and replays put more files beside the database
        directory = self._directory / uuid4().hex
        directory.mkdir()
        return directory / "database.sqlite3"

    def _open(self, path: Path) -> Database:
        url = f"sqlite:///{path}"
        database = Database(self.name, url, create_engine(url))
        self._made.append(database)
        return database

    def _migrated_template(self) -> Path:
        if self._template is None:
            path = self._new_path()
            engine = create_engine(f"sqlite:///{path}")
            try:
                self._migrate(engine)
            finally:
                engine.dispose()
            self._template = path
        return self._template
