"""What an application is told from outside: its name, its environment and its databases, as plain values."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from sequent_sa.exceptions import ConfigurationError

ENVIRONMENTS = ("development", "test", "production")

_SETTINGS = frozenset({"app", "databases", "alembic_ini", "commands", "before", "after"})
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+_]*)://(?P<rest>[^?]*)(?P<query>\?.*)?", re.DOTALL)
_POSTGRESQL = ("postgres", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The `[tool.sequent]` table of the nearest pyproject.toml, and the environment variables that overrule it.

    `root` is the directory of that pyproject.toml, or where the search began when there is none. `environment` is
    "development", "test" or "production". `application` is the `module:attribute` name, if one is given;
    `databases` the URLs of the table by environment; `url` the value of `DATABASE_URL`, if it is set. `alembic_ini` is
    the file that the table names, if it names one. `commands`, `before` and `after` are the application's own commands
    and what runs around the others, by name and as `module:attribute`.
    """

    root: Path
    environment: str = "development"
    application: str | None = None
    databases: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = field(default=None, repr=False)
    alembic_ini: Path | None = None
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    before: Mapping[str, str] = field(default_factory=dict[str, str])
    after: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def load(cls, start: Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Read pyproject.toml, searched from `start` (default: the working directory) upwards, and the environment.

        `SEQUENT_APP`, `SEQUENT_ENV` and `DATABASE_URL` are looked up in `environ` (default: the process's own).
        Raises `ConfigurationError` for a file that cannot be read, an unknown environment or setting, or a value of the
        wrong kind.
        """
        variables = os.environ if environ is None else environ
        root, table = _find_table((start or _working_directory()).resolve())
        where = root / "pyproject.toml"
        unknown = table.keys() - _SETTINGS
        if unknown:
            raise ConfigurationError(
                f"{', '.join(sorted(unknown))} in [tool.sequent] of {where} is no setting: there are "
                f"{', '.join(sorted(_SETTINGS))}"
            )
        alembic_ini = _text(table, "alembic_ini", where)
        return cls(
            root=root,
            environment=_environment(variables.get("SEQUENT_ENV") or "development"),
            application=variables.get("SEQUENT_APP") or _text(table, "app", where) or None,
            databases=_databases(table, where),
            url=variables.get("DATABASE_URL") or None,
            alembic_ini=None if alembic_ini is None else root / alembic_ini,
            **{name: _references(table, name, where) for name in ("commands", "before", "after")},
        )

    @property
    def view_migrations(self) -> Path:
        """Alembic's configuration of the view tables' migrations: `alembic_ini`, or the one beside pyproject.toml.

        The latter may be missing, when the view tables have no migrations.
        """
        return self.alembic_ini or self.root / "alembic.ini"

    @property
    def app(self) -> str:
        """The application's `module:attribute` name. Raises `ConfigurationError` when none is given."""
        if self.application is None:
            raise ConfigurationError(
                f"no application is named in {self.root} or above: run this in the directory of an application, "
                'add `app = "blog.app:app"` to [tool.sequent] in pyproject.toml, or set SEQUENT_APP'
            )
        return self.application

    @property
    def database_url(self) -> str:
        """The database of this environment, as a SQLAlchemy URL that does not depend on the working directory.

        `DATABASE_URL` comes before the table. In the test environment `_test` is added to the name of its database,
        unless it ends so already: tests empty what they find, and must not find the data of another environment.
        Raises `ConfigurationError` when there is none.
        """
        if self.url is not None:
            url = normalise_url(self.url, self.root)
            return with_test_database(url) if self.environment == "test" else url
        try:
            return normalise_url(self.databases[self.environment], self.root)
        except KeyError:
            raise ConfigurationError(
                f"no database is given for the {self.environment} environment: set DATABASE_URL, or add "
                f'`{self.environment} = "sqlite:///..."` to [tool.sequent.databases] in {self.root / "pyproject.toml"}'
            ) from None


def normalise_url(url: str, root: Path | None = None) -> str:
    """Name the psycopg driver where a PostgreSQL URL names none; make the path of an SQLite file absolute.

    Relative paths are relative to `root` (default: the working directory). Raises `ConfigurationError` for what is
    no URL; the message does not repeat it, since it may hold a password.
    """
    scheme, rest, query = _split(url)
    if scheme.lower() in _POSTGRESQL:
        return f"postgresql+psycopg://{rest}{query}"
    path = _sqlite_path(scheme, rest)
    if path is None:
        return url.strip()
    return f"{scheme}:///{((root or Path.cwd()) / path).as_posix()}{query}"


def with_test_database(url: str) -> str:
    """The same URL with `_test` at the end of the database's name, once; an SQLite database in memory stays."""
    scheme, rest, query = _split(url)
    if scheme.lower().partition("+")[0] == "sqlite":
        path = _sqlite_path(scheme, rest)
        if path is None or path.stem.endswith("_test"):
            return url
        return f"{scheme}:///{path.with_name(f'{path.stem}_test{path.suffix}').as_posix()}{query}"
    server, slash, name = rest.partition("/")
    return url if not name or name.endswith("_test") else f"{scheme}://{server}{slash}{name}_test{query}"


def _split(url: str) -> tuple[str, str, str]:
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise ConfigurationError(
            "the database URL cannot be read: write `sqlite:///path/to/file.db` or "
            "`postgresql+psycopg://user:password@host/name` (check DATABASE_URL and [tool.sequent.databases])"
        )
    return match["scheme"], match["rest"], match["query"] or ""


def _sqlite_path(scheme: str, rest: str) -> Path | None:
    """The file of an SQLite URL; None for other databases, one in memory, and SQLite's own `file:` names."""
    path = rest.removeprefix("/")
    if scheme.lower().partition("+")[0] != "sqlite" or path in ("", ":memory:") or path.startswith("file:"):
        return None
    return Path(path)


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigurationError("the working directory is gone: go to one that is there") from error


def _find_table(start: Path) -> tuple[Path, Mapping[str, Any]]:
    for directory in (start, *start.parents):
        path = directory / "pyproject.toml"
        if path.is_file():
            table = _table(_read(path).get("tool", {}), "tool", path).get("sequent")
            if table is not None:
                return directory, _table(table, "tool.sequent", path)
    return start, {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _table(value: object, name: str, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"[{name}] in {path} must be a table, not {value!r}")
    return cast("dict[str, Any]", value)


def _text(table: Mapping[str, Any], key: str, path: Path) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{key} in [tool.sequent] of {path} must be a text, not {value!r}")
    return value


def _references(table: Mapping[str, Any], key: str, path: Path) -> dict[str, str]:
    given = _table(table.get(key, {}), f"tool.sequent.{key}", path)
    for name, reference in given.items():
        if not isinstance(reference, str):
            raise ConfigurationError(
                f"{name} in [tool.sequent.{key}] of {path} must be a text such as 'blog.operations:{key}', "
                f"not {reference!r}"
            )
    return dict(given)


def _environment(name: str) -> str:
    if name not in ENVIRONMENTS:
        raise ConfigurationError(f"SEQUENT_ENV is {name!r}: choose one of {', '.join(ENVIRONMENTS)}")
    return name


def _databases(table: Mapping[str, Any], path: Path) -> dict[str, str]:
    databases: dict[str, str] = {}
    for name, url in _table(table.get("databases", {}), "tool.sequent.databases", path).items():
        if name not in ENVIRONMENTS or not isinstance(url, str):
            raise ConfigurationError(
                f"{name} in [tool.sequent.databases] of {path} must be one of {', '.join(ENVIRONMENTS)}, with a URL"
            )
        databases[name] = url
    return databases
