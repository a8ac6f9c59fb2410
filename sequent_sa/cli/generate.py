"""`sequent generate`: code for an application that is there."""

from __future__ import annotations

from collections.abc import Callable

import click

from sequent_sa.cli.app import ApplicationFinder

TYPES = (
    "Types are str, int, float, bool, decimal, date, datetime, uuid, secret, list[...] and dict[str,...]; with ? "
    "behind it, an attribute may be missing."
)


@click.group()
def generate() -> None:
    """Write code for the application in this directory; nothing is overwritten."""


dry_run = click.option("--dry-run", is_flag=True, help="Show the changes as a diff, and change nothing.")


@generate.command(no_args_is_help=True)
@click.argument("name")
@dry_run
@click.pass_obj
def aggregate(finder: ApplicationFinder, name: str, dry_run: bool) -> None:
    """A new aggregate, with a command, an event, a command handler and a test.

    Example: sequent generate aggregate author
    """
    from sequent_sa.cli.generators.aggregate import generate_aggregate  # noqa: PLC0415 - only here is libcst needed

    _run(finder, dry_run, generate_aggregate, name)


@generate.command(no_args_is_help=True, epilog=TYPES)
@click.argument("aggregate")
@click.argument("name")
@click.argument("attributes", nargs=-1, metavar="[ATTRIBUTE:TYPE]...")
@dry_run
@click.pass_obj
def command(finder: ApplicationFinder, aggregate: str, name: str, attributes: tuple[str, ...], dry_run: bool) -> None:
    """A new command of an aggregate, with its handler and a test.

    Example: sequent generate command post PublishPost date:date note:str?
    """
    from sequent_sa.cli.generators.messages import generate_command  # noqa: PLC0415 - only here is libcst needed

    _run(finder, dry_run, generate_command, aggregate, name, attributes)


@generate.command(no_args_is_help=True, epilog=TYPES)
@click.argument("aggregate")
@click.argument("name")
@click.argument("attributes", nargs=-1, metavar="[ATTRIBUTE:TYPE]...")
@dry_run
@click.pass_obj
def event(finder: ApplicationFinder, aggregate: str, name: str, attributes: tuple[str, ...], dry_run: bool) -> None:
    """A new event of an aggregate, with its handler there and a test.

    Example: sequent generate event post PostPublished date:date
    """
    from sequent_sa.cli.generators.messages import generate_event  # noqa: PLC0415 - only here is libcst needed

    _run(finder, dry_run, generate_event, aggregate, name, attributes)


@generate.command(no_args_is_help=True)
@click.argument("aggregate")
@dry_run
@click.pass_obj
def projector(finder: ApplicationFinder, aggregate: str, dry_run: bool) -> None:
    """A projector for the events of an aggregate, with its record and a test.

    Example: sequent generate projector author
    """
    from sequent_sa.cli.generators.reactions import generate_projector  # noqa: PLC0415 - only here is libcst needed

    _run(finder, dry_run, generate_projector, aggregate)


@generate.command(no_args_is_help=True)
@click.argument("aggregate")
@dry_run
@click.pass_obj
def workflow(finder: ApplicationFinder, aggregate: str, dry_run: bool) -> None:
    """A workflow that reacts to the events of an aggregate, with a test.

    Example: sequent generate workflow author
    """
    from sequent_sa.cli.generators.reactions import generate_workflow  # noqa: PLC0415 - only here is libcst needed

    _run(finder, dry_run, generate_workflow, aggregate)


def _run(finder: ApplicationFinder, dry_run: bool, generator: Callable[..., list[str]], *arguments: object) -> None:
    from sequent_sa.cli.generators.project import Project  # noqa: PLC0415 - only here is libcst needed

    project = Project(finder.configuration)
    next_steps = generator(project, *arguments)
    if dry_run:
        click.echo(project.diff(), nl=False)
        return
    changes = list(project.changes())
    project.write()
    for path, before, _ in changes:
        click.echo(f"{'create' if before is None else 'change'}  {path}")
    click.echo("\nNext steps:\n\n" + "".join(f"  {step}\n" for step in next_steps), nl=False)
