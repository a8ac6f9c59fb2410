"""An application's history of view tables, run from a program."""

from __future__ import annotations

import configparser
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect

from sequent_sa.database.differences import differences_of
from sequent_sa.database.schema_change import configured, create_view_schema, migrating
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.tables import VIEW_SCHEMA
from sequent_sa.tables.schema import VIEW_VERSION_TABLE


@dataclass(frozen=True)
class ViewHistory:
    """The migrations of an application's view tables. `location` is its alembic.ini, or the directory with env.py."""

    location: Path
    version_table: str = VIEW_VERSION_TABLE

    def upgrade(self, connection: Connection, revision: str = "head") -> None:
        """Run the pending migrations in the connection's transaction.

        Where they change tables is up to its `schema_translate_map`. Raises `ConfigurationError` when there are no
        migrations, or several latest ones.
        """
        self._run(connection, lambda config: command.upgrade(config, revision))

    def stamp(self, connection: Connection, revision: str = "head") -> None:
        """Note a revision as reached without running anything."""
        self._run(connection, lambda config: command.stamp(config, revision))

    def revision(self, connection: Connection) -> tuple[str | None, str | None]:
        """The revision of the view tables (None: no migration has run), and the latest one (None: there is none)."""
        context = MigrationContext.configure(
            connection, opts={"version_table": self.version_table, "version_table_schema": version_schema(connection)}
        )
        return context.get_current_revision(), _head(self._script())

    def pending(self, connection: Connection) -> list[str]:
        """The revisions that are still to run, in order, each with what it says about itself."""
        current, head = self.revision(connection)
        if head is None or current == head:
            return []
        found = [f"{each.revision} ({each.doc})" for each in self._script().iterate_revisions(head, current or "base")]
        return found[::-1]

    def _run(self, connection: Connection, run: Callable[[Config], object]) -> None:
        _head(self._script())
        config = self._config()
        config.attributes["connection"] = connection
        run(config)

    def _script(self) -> ScriptDirectory:
        try:
            with warnings.catch_warnings():
                # A revision that follows one that is not there is warned of, and later a KeyError.
                warnings.filterwarnings("error", category=UserWarning, module=r"alembic\.script\.revision")
                script = ScriptDirectory.from_config(self._config())
                script.get_heads()
        except (CommandError, configparser.Error, UnicodeDecodeError, UserWarning) as error:
            raise ConfigurationError(f"the migrations of {self.location} cannot be read: {error}") from error
        if not Path(script.env_py_location).is_file():
            raise ConfigurationError(f"{script.env_py_location} is missing: it runs the migrations of the view tables")
        return script

    def _config(self) -> Config:
        location = self.location.resolve()
        if location.is_dir() and (location / "env.py").is_file():
            config = Config()
            config.set_main_option("script_location", str(location).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            return config
        if location.is_file():
            return Config(str(location))
        raise ConfigurationError(
            f"{location} is neither an alembic.ini nor a directory with an env.py: run this in the directory of the "
            "application, whose migrations are in alembic/"
        )


@dataclass(frozen=True)
class NoViewHistory:
    """Of an application whose view tables were made without migrations, by `create_all` for example."""

    version_table: str = VIEW_VERSION_TABLE

    def upgrade(self, connection: Connection) -> None:
        """Nothing is pending. Raises `ConfigurationError` when the tables do have a history."""
        if inspect(connection).has_table(self.version_table, schema=version_schema(connection)):
            raise ConfigurationError(
                "the view tables were made by migrations, and there is no alembic.ini here: run this in the directory "
                "of the application"
            )


def upgrade_views(engine: Engine, location: str | Path, revision: str = "head") -> None:
    """Run the pending migrations of the view tables on the live ones. Raises as `ViewHistory.upgrade`."""
    create_view_schema(engine)
    with migrating(engine) as connection:
        ViewHistory(Path(location)).upgrade(connection, revision)


def view_revision(engine: Engine, location: str | Path) -> tuple[str | None, str | None]:
    """The revision of the view tables in the database, and the latest one in the files; None for none."""
    with configured(engine).connect() as connection:
        return ViewHistory(Path(location)).revision(connection)


def stamp_views(connection: Connection, location: str | Path, revision: str = "head") -> None:
    """Note a revision of the view tables as reached, in the connection's transaction."""
    ViewHistory(Path(location)).stamp(connection, revision)


def _head(script: ScriptDirectory) -> str | None:
    heads = script.get_heads()
    if len(heads) > 1:
        raise ConfigurationError(
            f"{script.dir} has {len(heads)} latest revisions, {', '.join(heads)}: "
            "make one follow the other, by its down_revision"
        )
    return heads[0] if heads else None


def version_schema(connection: Connection) -> str | None:
    """The schema in which this connection sees the view tables; None on SQLite."""
    translated = connection.get_execution_options().get("schema_translate_map", {})
    return differences_of(connection.dialect.name).schema(translated.get(VIEW_SCHEMA, VIEW_SCHEMA))
