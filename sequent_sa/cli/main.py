"""The group of all commands, and how it ends: an exit status, and one line for an error that was foreseen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from alembic.util import CommandError
from sqlalchemy.exc import ArgumentError, DBAPIError

from sequent_sa.cli.aggregates import aggregates
from sequent_sa.cli.app import ApplicationFinder
from sequent_sa.cli.audit import audit, events, show
from sequent_sa.cli.db import db
from sequent_sa.cli.dry_run import dry_run
from sequent_sa.cli.generate import generate
from sequent_sa.cli.migrate import migrate
from sequent_sa.cli.new import new
from sequent_sa.cli.projectors import projectors
from sequent_sa.cli.snapshots import snapshots
from sequent_sa.cli.types import types
from sequent_sa.exceptions import SequentError

INTERRUPTED = 130


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sequent-sa", prog_name="sequent", message="%(prog)s %(version)s")
@click.option("--app", metavar="MODULE:ATTRIBUTE", help="The application, instead of the one in pyproject.toml.")
@click.pass_context
def sequent(context: click.Context, app: str | None) -> None:
    """Build and run applications on sequent_sa.

    The application is the one that [tool.sequent] in pyproject.toml, SEQUENT_APP or --app names. SEQUENT_ENV
    (development, test or production) chooses its database; DATABASE_URL overrules it.
    """
    context.obj = ApplicationFinder(app)
    if context.invoked_subcommand is None:
        click.echo("Please specify a command. i.e. sequent new myapp\n")
        click.echo(context.get_help())
        context.exit(2)


for command in (new, generate, db, migrate, projectors, snapshots, aggregates, types, show, events, audit, dry_run):
    sequent.add_command(command)
sequent.add_command(generate, "g")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (default: the process's own arguments) and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Errors that say all there is to say are printed as one line on stderr: ours, those of the database and of Alembic.
    Anything else is a defect, and keeps its traceback.
    """
    try:
        status: Any = sequent.main(arguments, prog_name="sequent", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (SequentError, CommandError, ArgumentError) as error:
        return _failed(str(error))
    except DBAPIError as error:
        # Its own text would repeat the statement and its parameters.
        return _failed(f"the database says: {error.orig}")
    return status if isinstance(status, int) else 0


def _failed(text: str) -> int:
    click.echo(f"Error: {' '.join(text.split())}", err=True)
    return 1
