"""`sequent new`: a new application."""

from __future__ import annotations

import click

from sequent_sa.cli.demo import Demo
from sequent_sa.cli.scaffolding import ApplicationName, directory_named, render, write


@click.command(no_args_is_help=True)
@click.argument("name")
@click.option("--demo", is_flag=True, help="Show the whole path in the new application: posts, a change, a replay.")
def new(name: str, demo: bool) -> None:
    """Make a new application in the directory NAME.

    Example: sequent new blog
    """
    target = directory_named(name)
    names = ApplicationName.parse(target.name)
    if demo:
        click.echo(f"$ sequent new {name}")
    write(render(names, "blog", *(["demo"] if demo else [])), target)
    click.echo(f"Success! Your new application is in {name}.")
    if demo:
        Demo(names, target).run()
    else:
        click.echo(NEXT_STEPS.format(directory=name))


NEXT_STEPS = """
Next steps:

  cd {directory}
  pip install -e '.[test]'
  sequent db create
  SEQUENT_ENV=test sequent db create
  sequent db create-view-schema
  sequent migrate online
  sequent migrate offline
  pytest
  sequent generate aggregate author

SQLite is the default; set DATABASE_URL for another database."""
