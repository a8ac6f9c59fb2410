"""Finding the application that a command is about."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

import sequent_sa
from sequent_sa.cli.hooks import hooks_around
from sequent_sa.cli.references import load
from sequent_sa.configuration import Configuration
from sequent_sa.exceptions import ConfigurationError

if TYPE_CHECKING:
    from sequent_sa import Sequent

P = ParamSpec("P")
R = TypeVar("R")


class ApplicationFinder:
    """Reads the configuration and imports the application, once and not before a command asks for it.

    `name` is the `module:attribute` name given on the command line, if any, and `alembic_ini` the file given there.
    """

    def __init__(self, name: str | None = None, alembic_ini: Path | None = None) -> None:
        self._name = name
        self._alembic_ini = alembic_ini

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
        """The configuration of the view tables' migrations, None when the application has none.

        Raises `ConfigurationError` when it is named in pyproject.toml and is not there.
        """
        path = self._alembic_ini or self.configuration.view_migrations
        if path.is_file():
            return path
        if self.configuration.alembic_ini is None:
            return None
        raise ConfigurationError(f"{path} is missing: `alembic_ini` in [tool.sequent] of pyproject.toml names it")


def pass_finder(function: Callable[Concatenate[ApplicationFinder, P], R]) -> Callable[P, R]:
    """Give a command the `ApplicationFinder`, and run the application's own steps before and after it."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        context = click.get_current_context()
        finder = context.find_object(ApplicationFinder)
        assert finder is not None
        with hooks_around(context, finder.configuration, lambda: finder.application):
            return function(finder, *args, **kwargs)

    return run


def import_application(name: str, root: Path) -> Sequent:
    """Import `module:attribute`, with `root` in front of the import path.

    Raises `ConfigurationError` when the module or the attribute is not there, or is no `Sequent`. An error inside
    the module is the application's own and is not touched.
    """
    advice = "check `app` in [tool.sequent] of pyproject.toml, --app and SEQUENT_APP"
    found = load(name, root, "the application", advice)
    if not isinstance(found, sequent_sa.Sequent):
        module, _, attribute = name.partition(":")
        raise ConfigurationError(
            f"{attribute!r} in module {module} is {found!r}: it must be a Sequent, as in "
            f'`{attribute} = Sequent(packages=["{module.partition(".")[0]}"])`'
        )
    return found
