"""An application's own steps around the commands that work on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sequent_sa.cli.references import load
from sequent_sa.configuration import Configuration
from sequent_sa.exceptions import ConfigurationError

if TYPE_CHECKING:
    from sequent_sa import Sequent

EVERY = "sequent"
"""The key of what runs around every command."""

_WITHOUT_STEPS = frozenset({"new", "generate", "doctor"})
"""They must work where the application does not."""


@contextmanager
def hooks_around(
    context: click.Context, configuration: Configuration, application: Callable[[], Sequent]
) -> Generator[None, None, None]:
    """Run what [tool.sequent.before] has for this command, and, when the command succeeded, what `after` has.

    For `sequent migrate offline` that is what stands under "sequent", "migrate" and "migrate offline", in this order
    before, and in the other one after it. A step is called with the application; when it raises, nothing more runs.
    Raises `ConfigurationError` for steps of commands that there are not, and for what cannot be called.
    """
    if not (configuration.before or configuration.after):
        yield
        return
    _check(context, configuration)
    keys = list(_keys(context.command_path))
    first = _steps(keys, configuration.before, "before", configuration)
    last = _steps(keys[::-1], configuration.after, "after", configuration)
    for step in first:
        step(application())
    yield
    for step in last:
        step(application())


def _keys(command_path: str) -> Iterator[str]:
    yield EVERY
    _, *words = command_path.split()
    for number in range(1, len(words) + 1):
        yield " ".join(words[:number])


def _steps(
    keys: list[str], references: Mapping[str, str], table: str, configuration: Configuration
) -> list[Callable[[Sequent], object]]:
    found: list[Callable[[Sequent], object]] = []
    for key in keys:
        if key in references:
            where = f"check {key!r} in [tool.sequent.{table}] of pyproject.toml"
            step = load(references[key], configuration.root, "the step", where)
            if not callable(step):
                raise ConfigurationError(f"{references[key]} is {step!r}, not a function of the application: {where}")
            found.append(step)
    return found


def _check(context: click.Context, configuration: Configuration) -> None:
    for table, references in (("before", configuration.before), ("after", configuration.after)):
        for key in references:
            if key != EVERY and not _has_steps(context.find_root(), key.split()):
                raise ConfigurationError(
                    f"{key!r} in [tool.sequent.{table}] of pyproject.toml is no command of sequent that has steps: "
                    "write `sequent` for all, a group such as `migrate`, or a command such as `migrate offline`"
                )


def _has_steps(root: click.Context, words: list[str]) -> bool:
    if not words or words[0] in _WITHOUT_STEPS:
        return False
    command: click.Command | None = root.command
    for word in words:
        # Only names that are listed: neither aliases nor the application's own commands, which have no steps.
        if not isinstance(command, click.Group) or word not in command.list_commands(root):
            return False
        command = command.get_command(root, word)
    return True
