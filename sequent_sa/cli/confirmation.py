"""Asking before something is lost, and asking for more in production."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from sequent_sa.cli.app import ApplicationFinder

F = TypeVar("F", bound=Callable[..., Any])


def confirmable(verb: str) -> Callable[[F], F]:
    """The options --yes and --yes-VERB-production of a command that removes something."""

    def decorate(function: F) -> F:
        word = click.option(
            f"--yes-{verb}-production", "in_production", is_flag=True, help="Needed as well when this is production."
        )
        return click.option("--yes", is_flag=True, help="Do not ask.")(word(function))

    return decorate


def confirm(finder: ApplicationFinder, verb: str, question: str, yes: bool, in_production: bool) -> None:
    """Ask, unless `yes` was said. Raises `ClickException` without that, or without the word that production needs."""
    if finder.application.environment == "production" and not in_production:
        raise click.ClickException(
            f"this is production: say --yes-{verb}-production if this is meant; nothing was removed"
        )
    if yes:
        return
    click.echo(f"{question} [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline().strip().lower()
    if not sys.stdin.isatty():
        click.echo(err=True)  # nobody has typed the end of the line
    if answer not in ("y", "yes"):
        raise click.ClickException("nothing was removed: answer with y, or say --yes")
