"""`sequent projectors`: what is projected, and by which version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from sequent_sa import database
from sequent_sa.cli.app import ApplicationFinder, pass_finder
from sequent_sa.cli.rehearse import rehearse
from sequent_sa.cli.replay import replay
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.cli.verify import verify
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import (
    ProjectorState,
    ProjectorStates,
    by_projector,
    changed_definitions,
    read_states,
    unknown_projectors,
)


@click.group()
def projectors() -> None:
    """Look at the projectors."""


@projectors.command("list")
@json_option
@pass_finder
def list_projectors(finder: ApplicationFinder, as_json: bool) -> None:
    """List the projectors: the version of this code, the versions in the database, the tables.

    A warning says so when tables are defined in another way than when the active version went live: a replay would give
    other rows than those that are there.

    Example: sequent projectors list
    """
    app = finder.application
    database.check_event_store(app.engine)
    with app.engine.connect() as connection:
        states = by_projector(read_states(connection), app.projectors)
        changed = {p.__type_name__: changed_definitions(connection, p) for p in app.projectors}
    known = sorted(app.projectors, key=lambda each: each.__type_name__)
    listed = [(each, states.pop(each.__type_name__, ProjectorState(each.__type_name__))) for each in known]
    everything = [*listed, *((None, states[name]) for name in sorted(states))]
    row = _data if as_json else _row
    Report(as_json).table([row(projector, state, changed.get(state.name, ())) for projector, state in everything])
    if not as_json:
        _warn(known, changed)


@projectors.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--unknown", is_flag=True, help="All that are active in the database, and not in this code.")
@pass_finder
def deactivate(finder: ApplicationFinder, names: tuple[str, ...], unknown: bool) -> None:
    """Give projectors no more events; their tables stay as they are.

    Example: sequent projectors deactivate PostProjector
    """
    if unknown == bool(names):
        raise click.UsageError("Give the names of projectors, or --unknown.", click.get_current_context())
    app = finder.application
    database.check_event_store(app.engine)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        stored = read_states(connection)
        chosen = unknown_projectors(stored, app.projectors) if unknown else names
        if chosen:
            ProjectorStates(app.dialect).deactivate(connection, _stored_names(chosen, stored, app.projectors))
    click.echo(f"{', '.join(chosen) or 'no projector'} inactive")


def _stored_names(
    names: Sequence[str], stored: Mapping[str, ProjectorState], projectors: Sequence[type[Projector]]
) -> list[str]:
    aliases = {projector.__type_name__: projector.__type_aliases__ for projector in projectors}
    known = {*stored, *by_projector(stored, projectors)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigurationError(
            f"{', '.join(unknown)} is not known to this database: `sequent projectors list` shows what is"
        )
    return [each for name in names for each in (name, *aliases.get(name, ()))]


@projectors.command()
@pass_finder
def activate(finder: ApplicationFinder) -> None:
    """Let the projectors of this code project from now on, which is right while there is nothing to replay.

    Types and snapshot versions are registered as well.

    Example: sequent projectors activate
    """
    app = finder.application
    database.check_event_store(app.engine)
    app.register_types()
    app.activate_projectors()
    click.echo(f"{', '.join(sorted(p.__type_name__ for p in app.projectors)) or 'no projector'} active")


replay.add_command(rehearse)
projectors.add_command(replay)
projectors.add_command(verify)


def _data(projector: type[Projector] | None, state: ProjectorState, changed: Sequence[str]) -> dict[str, object]:
    return {
        "name": state.name,
        "version": projector and projector.version,
        "active": state.active_version,
        "activating": state.activating_version,
        "replaying": state.replaying_version,
        "tables": projector and _tables(projector),
        "changed": list(changed),
    }


def _row(projector: type[Projector] | None, state: ProjectorState, changed: Sequence[str]) -> dict[str, object]:
    remarks = [_versions(state), *(["not in this code"] * (projector is None)), *(["tables changed"] * bool(changed))]
    return {
        "projector": state.name,
        "version": projector and projector.version,
        "state": ", ".join(remarks),
        "tables": projector and (", ".join(_tables(projector)) or "no tables"),
    }


def _warn(projectors: Sequence[type[Projector]], changed: Mapping[str, Sequence[str]]) -> None:
    for projector in projectors:
        name = projector.__type_name__
        if changed[name]:
            click.echo(
                f"Warning: {name} has had version {projector.version} since before its tables changed "
                f"({'; '.join(changed[name])}): raise its version, or replay it as it is with "
                f"`sequent projectors replay all {name}`",
                err=True,
            )


def _tables(projector: type[Projector]) -> list[str]:
    return [record_table(record).table.name for record in projector.managed_tables or ()]


def _versions(state: ProjectorState) -> str:
    versions = {
        "active": state.active_version,
        "activating": state.activating_version,
        "replaying": state.replaying_version,
    }
    return ", ".join(f"{what} {version}" for what, version in versions.items() if version) or "never activated"
