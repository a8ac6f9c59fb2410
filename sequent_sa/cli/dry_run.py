"""`sequent dry-run`: what a command would do."""

from __future__ import annotations

import json
from typing import Any, cast

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.exceptions import CommandNotValid, ConfigurationError


@click.command("dry-run")
@click.argument("command_class", metavar="COMMAND_CLASS")
@click.option("--json", "text", metavar="OBJECT", default="{}", help="The attributes of the command, as JSON.")
@click.option("--deep", is_flag=True, help="Run workflows and projectors too, and show the changes of rows.")
@pass_finder
def dry_run(finder: ApplicationFinder, command_class: str, text: str, deep: bool) -> None:
    """Show which events a command would store and who would get them; nothing is stored.

    Example: sequent dry-run AddPost --json '{"aggregate_id": "...", "title": "Hi"}'
    """
    app = finder.application
    database.check_event_store(app.engine)
    command_type = app.type_names.find_command(command_class)
    try:
        click.echo(str(app.dry_run(command_type.from_params(_object(text)), deep=deep)))
    except CommandNotValid as error:
        raise ConfigurationError(f"{command_class} is not valid: {json.dumps(error.errors, default=str)}") from error


def _object(text: str) -> dict[str, Any]:
    try:
        data: Any = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"--json is no JSON: {error}") from error
    except RecursionError as error:
        raise ConfigurationError("--json is nested too deep") from error
    if not isinstance(data, dict):
        kind = type(data).__name__
        raise ConfigurationError(f'--json must be an object, such as \'{{"title": "Hi"}}\', not a {kind}')
    return cast("dict[str, Any]", data)
