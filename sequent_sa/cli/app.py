"""Finding the application that a command is about."""

from __future__ import annotations

import importlib
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

import sequent_sa
from sequent_sa.configuration import Configuration
from sequent_sa.exceptions import ConfigurationError

if TYPE_CHECKING:
    from sequent_sa import Sequent


class ApplicationFinder:
    """Reads the configuration and imports the application, once and not before a command asks for it.

    `name` is the `module:attribute` name given on the command line, if any.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name

    @cached_property
    def configuration(self) -> Configuration:
        """What pyproject.toml and the environment say. Raises `ConfigurationError`."""
        return Configuration.load()

    @cached_property
    def application(self) -> Sequent:
        """The application. Raises `ConfigurationError` when there is none."""
        return import_application(self.import_name, self.configuration.root)

    @property
    def import_name(self) -> str:
        """The application as `module:attribute`."""
        return self._name or self.configuration.app

    @property
    def alembic_ini(self) -> Path | None:
        """The configuration of the view tables' migrations, None when the application has none."""
        path = self.configuration.root / "alembic.ini"
        return path if path.is_file() else None


pass_finder = click.make_pass_decorator(ApplicationFinder)


def import_application(name: str, root: Path) -> Sequent:
    """Import `module:attribute`, with `root` in front of the import path.

    Raises `ConfigurationError` when the module or the attribute is not there, or is no `Sequent`. An error inside
    the module is the application's own and is not touched.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute) or module_name.startswith("."):
        raise ConfigurationError(f"{name!r} is no name of an application: write it as `module:attribute`")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(
            f"the application {name!r} cannot be found: there is no module {error.name!r} in {root} or among the "
            "installed packages; check `app` in [tool.sequent] of pyproject.toml, --app and SEQUENT_APP"
        ) from error
    found = getattr(module, attribute, None)
    if not isinstance(found, sequent_sa.Sequent):
        raise ConfigurationError(
            f"{attribute!r} in module {module_name} is {found!r}: it must be a Sequent, as in "
            f'`{attribute} = Sequent(packages=["{module_name.partition(".")[0]}"])`'
        )
    return found
