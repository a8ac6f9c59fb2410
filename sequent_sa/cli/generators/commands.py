"""The commands below `sequent generate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sequent_sa.cli.app import ApplicationFinder
from sequent_sa.cli.generators.aggregate import generate_aggregate
from sequent_sa.cli.generators.messages import generate_command, generate_event
from sequent_sa.cli.generators.project import Project
from sequent_sa.cli.generators.reactions import generate_projector, generate_workflow

TYPES = (
    "Types are str, int, float, bool, decimal, date, datetime, uuid, secret, list[...] and dict[str,...]; with ? "
    "behind it, an attribute may be missing."
)

_aggregate = click.argument("aggregate")
_name = click.argument("name")
_attributes = click.argument("attributes", nargs=-1, metavar="[ATTRIBUTE:TYPE]...")


def _generates(function: Callable[..., list[str]]) -> Callable[..., None]:
    """Give a command the project in this directory; what it returns is what to do next."""

    @click.option("--dry-run", is_flag=True, help="Show the changes as a diff, and change nothing.")
    @click.pass_obj
    def run(finder: ApplicationFinder, /, dry_run: bool, **given: Any) -> None:
        project = Project(finder.configuration)
        next_steps = function(project, **given)
        if dry_run:
            click.echo(project.diff(), nl=False)
            return
        changes = list(project.changes())
        project.write()
        for path, before, _ in changes:
            click.echo(f"{'create' if before is None else 'change'}  {path}")
        click.echo("\nNext steps:\n\n" + "".join(f"  {step}\n" for step in next_steps), nl=False)

    run.__doc__ = function.__doc__
    return run


@click.command(no_args_is_help=True)
@_name
@_generates
def aggregate(project: Project, name: str) -> list[str]:
    """A new aggregate, with a command, an event, a command handler and a test.

    Example: sequent generate aggregate author
    """
    return generate_aggregate(project, name)


@click.command(no_args_is_help=True, epilog=TYPES)
@_aggregate
@_name
@_attributes
@_generates
def command(project: Project, aggregate: str, name: str, attributes: tuple[str, ...]) -> list[str]:
    """A new command of an aggregate, with its handler and a test.

    Example: sequent generate command post PublishPost date:date note:str?
    """
    return generate_command(project, aggregate, name, attributes)


@click.command(no_args_is_help=True, epilog=TYPES)
@_aggregate
@_name
@_attributes
@_generates
def event(project: Project, aggregate: str, name: str, attributes: tuple[str, ...]) -> list[str]:
    """A new event of an aggregate, with its handler there and a test.

    Example: sequent generate event post PostPublished date:date
    """
    return generate_event(project, aggregate, name, attributes)


@click.command(no_args_is_help=True)
@_aggregate
@_generates
def projector(project: Project, aggregate: str) -> list[str]:
    """A projector for the events of an aggregate, with its record and a test.

    Example: sequent generate projector author
    """
    return generate_projector(project, aggregate)


@click.command(no_args_is_help=True)
@_aggregate
@_generates
def workflow(project: Project, aggregate: str) -> list[str]:
    """A workflow that reacts to the events of an aggregate, with a test.

    Example: sequent generate workflow author
    """
    return generate_workflow(project, aggregate)
