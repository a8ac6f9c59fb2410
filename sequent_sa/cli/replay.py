"""`sequent projectors replay`: rebuilding view tables, step by step, while the application runs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.numbers import POSITIVE, SECONDS
from sequent_sa.cli.replay_display import Display, display
from sequent_sa.cli.reporting import json_option
from sequent_sa.exceptions import ConfigurationError, ReplayError
from sequent_sa.migration.migration import Migration
from sequent_sa.projections.projector import Projector
from sequent_sa.replay.context import GROUP_SIZE, LOCK_TIMEOUT, ReplayContext
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import status

workers_option = click.option(
    "--workers", type=POSITIVE, help="Processes that replay (default: as many as pay, at most 4)."
)
group_size_option = click.option(
    "--group-size",
    type=POSITIVE,
    default=GROUP_SIZE,
    show_default=True,
    help="Events that a process keeps the rows of in memory.",
)
lock_timeout_option = click.option(
    "--lock-timeout",
    type=SECONDS,
    default=LOCK_TIMEOUT,
    show_default=True,
    help="Seconds in which a moment to go live must be found; SQLite waits as long as for any other writer.",
)
names_argument = click.argument("names", nargs=-1, metavar="[PROJECTOR]...")


@click.group()
def replay() -> None:
    """Rebuild view tables from the events, while the application runs.

    Each step can be interrupted and taken again, or the replay aborted, from any machine. `status` says what is next;
    `all` takes all of them.
    """


@replay.command()
@names_argument
@json_option
@pass_finder
def prepare(finder: ApplicationFinder, names: tuple[str, ...], as_json: bool) -> None:
    """Begin a replay of some projectors (default: all): make empty copies of their tables.

    Example: sequent projectors replay prepare PostProjector
    """
    with _shown(finder, as_json) as (context, shown):
        _begun(context, names, shown).prepare()


@replay.command()
@workers_option
@group_size_option
@json_option
@pass_finder
def run(finder: ApplicationFinder, workers: int | None, group_size: int, as_json: bool) -> None:
    """Load all events that are stored now into the copies, in several processes.

    Example: sequent projectors replay run --workers 4
    """
    with _shown(finder, as_json, workers, group_size) as (context, shown):
        _resumed(context, shown).run()


@replay.command()
@json_option
@pass_finder
def catchup(finder: ApplicationFinder, as_json: bool) -> None:
    """Load what was stored since; as often as you like.

    Example: sequent projectors replay catchup
    """
    with _shown(finder, as_json) as (context, shown):
        _resumed(context, shown).catch_up()


@replay.command()
@json_option
@pass_finder
def optimize(finder: ApplicationFinder, as_json: bool) -> None:
    """Build the indexes of the copies, and refresh their statistics.

    Example: sequent projectors replay optimize
    """
    with _shown(finder, as_json) as (context, shown):
        _resumed(context, shown).optimize()


@replay.command()
@lock_timeout_option
@json_option
@pass_finder
def golive(finder: ApplicationFinder, lock_timeout: float, as_json: bool) -> None:
    """Put the copies in the place of the tables, and activate the projectors' versions, in one transaction.

    Example: sequent projectors replay golive
    """
    with _shown(finder, as_json, lock_timeout=lock_timeout) as (context, shown):
        finder.application.register_types()
        _resumed(context, shown).go_live()


@replay.command("all")
@names_argument
@workers_option
@group_size_option
@lock_timeout_option
@json_option
@pass_finder
def all_steps(
    finder: ApplicationFinder,
    names: tuple[str, ...],
    workers: int | None,
    group_size: int,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Take all steps, beginning a replay or going on with the one in progress.

    Example: sequent projectors replay all
    """
    with _shown(finder, as_json, workers, group_size, lock_timeout) as (context, shown):
        finder.application.register_types()
        current = Replay.resume(context, shown.report, shown.watch)
        if current is not None and names and set(names) != {p.__type_name__ for p in current.projectors}:
            raise ReplayError(
                f"a replay of {', '.join(p.__type_name__ for p in current.projectors)} is in progress: finish it with "
                "`sequent projectors replay all`, or end it with `sequent projectors replay abort`"
            )
        (current or _begun(context, names, shown)).take_all_steps()


@replay.command()
@json_option
@pass_finder
def abort(finder: ApplicationFinder, as_json: bool) -> None:
    """End the replay in progress, whichever code began it; the live tables stay as they are.

    Example: sequent projectors replay abort
    """
    with _shown(finder, as_json) as (context, shown):
        _resumed(context, shown).abort()
        shown.report("aborted; the live tables are as they were")


@replay.command("status")
@json_option
@pass_finder
def show_status(finder: ApplicationFinder, as_json: bool) -> None:
    """Show where the replay stands, and what to type next.

    Example: sequent projectors replay status
    """
    with _shown(finder, as_json):
        """The status is what is printed at the end of every step."""


@contextmanager
def _shown(
    finder: ApplicationFinder,
    as_json: bool,
    workers: int | None = None,
    group_size: int = GROUP_SIZE,
    lock_timeout: float = LOCK_TIMEOUT,
) -> Generator[tuple[ReplayContext, Display], None, None]:
    """What every step does around its work: look for the store, show the progress, and say where things stand."""
    context = replay_context(finder, workers, group_size, lock_timeout)
    shown = display(as_json)
    with shown:
        yield context, shown
    shown.status(status(context))


def replay_context(
    finder: ApplicationFinder, workers: int | None, group_size: int, lock_timeout: float = LOCK_TIMEOUT
) -> ReplayContext:
    """What a replay of the application needs. Raises `ConfigurationError` when there is no event store."""
    app = finder.application
    database.check_event_store(app.engine)
    migration = Migration(
        app,
        finder.alembic_ini,
        import_name=finder.import_name,
        workers=workers,
        group_size=group_size,
        lock_timeout=lock_timeout,
    )
    return migration.context


def _resumed(context: ReplayContext, shown: Display) -> Replay:
    found = Replay.resume(context, shown.report, shown.watch)
    if found is None:
        raise ReplayError("no replay is in progress: begin one with `sequent projectors replay prepare`")
    return found


def _begun(context: ReplayContext, names: Sequence[str], shown: Display) -> Replay:
    current = Replay.resume(context, shown.report, shown.watch)
    if current is not None and current.state is State.CREATED:
        return current  # it was interrupted before it was prepared
    return Replay.create(context, named(context, names), shown.report, shown.watch)


def named(context: ReplayContext, names: Sequence[str]) -> list[type[Projector]]:
    """The projectors of these names; all for none. Raises `ConfigurationError` for a name that there is not."""
    known = {projector.__type_name__: projector for projector in context.projectors}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigurationError(
            f"{', '.join(unknown)} is no projector of this application: it has {', '.join(sorted(known)) or 'none'}"
        )
    return [known[name] for name in dict.fromkeys(names)] if names else list(context.projectors)
