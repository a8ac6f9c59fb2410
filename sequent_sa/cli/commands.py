"""Groups of commands that are imported when they are run, so that nobody waits for those that were not asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import click


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
