"""Groups of commands that are imported when they are run, so that nobody waits for those that were not asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import click

from sequent_sa.cli.references import load
from sequent_sa.configuration import Configuration
from sequent_sa.exceptions import ConfigurationError, SequentError


class Lazy(NamedTuple):
    """A command: where it is, as `module:attribute`, and its short help, which says it before it is imported."""

    where: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.where.partition(":")
        return cast("click.Command", getattr(importlib.import_module(module), attribute))


class LazyGroup(click.Group):
    """A group whose commands are imported one at a time, in the order in which they are given here.

    An alias is a name that help does not list.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, Lazy], aliases: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy)
        self.aliases = dict(aliases or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names that help lists."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        found = self.lazy.get(self.aliases.get(cmd_name, cmd_name))
        return None if found is None else found.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names with their short help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.help) for name, each in self.lazy.items()])


class ApplicationGroup(LazyGroup):
    """A group that has the commands of [tool.sequent.commands] as well: click commands, by name."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; the application's own ones may not have the names of others."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        configuration = Configuration.load()
        reference = configuration.commands.get(cmd_name)
        return None if reference is None else _own(cmd_name, reference, configuration)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the application's own commands behind the others; where that fails, why."""
        super().format_commands(ctx, formatter)
        try:
            configuration = Configuration.load()
        except ConfigurationError as error:
            formatter.write_paragraph()
            formatter.write_text(f"The application's own commands are unknown: {error}")
            return
        if configuration.commands:
            with formatter.section("Commands of this application"):
                rows = [(name, self._short_help(name, configuration)) for name in configuration.commands]
                formatter.write_dl(rows)

    def _short_help(self, name: str, configuration: Configuration) -> str:
        try:
            if name in self.lazy or name in self.aliases:
                raise ConfigurationError(f"sequent has a command {name} already: choose another name")
            return _own(name, configuration.commands[name], configuration).get_short_help_str(1000)
        except (SequentError, ImportError) as error:
            return f"cannot be used: {error}"


def _own(name: str, reference: str, configuration: Configuration) -> click.Command:
    where = f"check {name!r} in [tool.sequent.commands] of pyproject.toml"
    found = load(reference, configuration.root, "the command", where)
    if not isinstance(found, click.Command):
        raise ConfigurationError(f"{reference} is {found!r}: it must be a click command or group; {where}")
    return found
