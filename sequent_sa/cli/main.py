"""The group of all commands, and how it ends: an exit status, and one line for an error that was foreseen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from sequent_sa.cli.app import ApplicationFinder
from sequent_sa.cli.commands import ApplicationGroup, Lazy
from sequent_sa.cli.streams import is_read_to_the_end, make_streams_usable

INTERRUPTED = 130

COMMANDS = {
    "new": Lazy("sequent_sa.cli.new:new", "Make a new application in the directory NAME."),
    "generate": Lazy(
        "sequent_sa.cli.generate:generate", "Write code for the application in this directory; nothing is overwritten."
    ),
    "db": Lazy("sequent_sa.cli.db:db", "Create, migrate and drop the database."),
    "migrate": Lazy("sequent_sa.cli.migrate:migrate", "Take new view tables and new projector versions live."),
    "projectors": Lazy("sequent_sa.cli.projectors:projectors", "Look at the projectors."),
    "snapshots": Lazy("sequent_sa.cli.snapshots:snapshots", "Take and remove snapshots of aggregates."),
    "aggregates": Lazy(
        "sequent_sa.cli.aggregates:aggregates", "Remove aggregates, and keep their events where they belong."
    ),
    "types": Lazy("sequent_sa.cli.types:types", "The names of commands, aggregates and events in the database."),
    "show": Lazy(
        "sequent_sa.cli.audit:show", "Show the events and the state of an aggregate, now or at an earlier moment."
    ),
    "events": Lazy(
        "sequent_sa.cli.audit:events", "Show the latest events, in the order in which their commands were stored."
    ),
    "audit": Lazy(
        "sequent_sa.cli.audit:audit", "Show what a command caused, from the command with which it all began."
    ),
    "dry-run": Lazy(
        "sequent_sa.cli.dry_run:dry_run",
        "Show which events a command would store and who would get them; nothing is stored.",
    ),
    "console": Lazy(
        "sequent_sa.cli.console:console",
        "Start Python with the application loaded: `app`, its classes by their names, and a `session`.",
    ),
    "doctor": Lazy(
        "sequent_sa.cli.doctor:doctor",
        "Look at the configuration, the database and what waits to be done, and say how to mend what is wrong.",
    ),
}


@click.group(
    cls=ApplicationGroup,
    lazy=COMMANDS,
    aliases={"g": "generate"},
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sequent-sa", prog_name="sequent", message="%(prog)s %(version)s")
@click.option("--app", metavar="MODULE:ATTRIBUTE", help="The application, instead of the one in pyproject.toml.")
@click.option(
    "--alembic-ini",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="Where the migrations of the view tables are, instead of the alembic.ini beside pyproject.toml.",
)
@click.pass_context
def sequent(context: click.Context, app: str | None, alembic_ini: Path | None) -> None:
    """Build and run applications on sequent_sa.

    The application is the one that [tool.sequent] in pyproject.toml, SEQUENT_APP or --app names. SEQUENT_ENV
    (development, test or production) chooses its database; DATABASE_URL overrules it.
    """
    context.obj = ApplicationFinder(app, alembic_ini)
    if context.invoked_subcommand is None:
        click.echo("Please specify a command. i.e. sequent new myapp\n")
        click.echo(context.get_help())
        context.exit(2)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (default: the process's own arguments) and exit."""
    make_streams_usable()
    status = run(arguments)
    sys.exit(status if is_read_to_the_end() else 1)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Errors that say all there is to say are printed as one line on stderr: ours, those of the database and of Alembic.
    Anything else is a defect, and keeps its traceback.
    """
    try:
        status: Any = sequent.main(arguments, prog_name="sequent", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"Error: {_sentence(error)}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except Exception as error:
        from sequent_sa.cli.failures import explanation  # noqa: PLC0415 - knows libraries that a command may not need

        text = explanation(error)
        if text is None:
            raise
        click.echo(f"Error: {' '.join(text.split())}", err=True)
        return 1
    return status if isinstance(status, int) else 0


def _sentence(error: click.ClickException) -> str:
    text = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text = f"{text}{'' if text.endswith(('.', '?')) else '.'} {error.ctx.get_usage()} (--help says more)"
    return " ".join(text.split())
