"""Which versions of the projectors are active, and the replay in progress."""

from __future__ import annotations

from collections.abc import Iterator

from sequent_sa.application import Sequent
from sequent_sa.diagnosis.finding import Finding, error, ok, warning
from sequent_sa.projections.projector import Projector
from sequent_sa.projections.projector_states import ProjectorState, by_projector, changed_definitions, read_states
from sequent_sa.replay import replay_state
from sequent_sa.replay.replay_state import State

_MIGRATE = "sequent migrate online, then sequent migrate offline"


def check_projectors(app: Sequent) -> Iterator[Finding]:
    """Whether the versions of this code are the active ones, and no other projector is active."""
    with app.engine.connect() as connection:
        states = by_projector(read_states(connection), app.projectors)
        changed = {each.__type_name__: changed_definitions(connection, each) for each in app.projectors}
    for projector in app.projectors:
        name = projector.__type_name__
        yield _state(projector, states.pop(name, None))
        if changed[name]:
            text = f"{name}: its tables changed and its version did not: {'; '.join(changed[name])}"
            yield warning("projectors", text, f"raise its version, or sequent projectors replay all {name}")
    for name, state in states.items():
        if state.active_version is not None or state.activating_version is not None:
            text = f"{name}: active in the database, and not in this code, which will refuse every command"
            yield error("projectors", text, f"when no code has it any more: sequent projectors deactivate {name}")
    if not app.projectors:
        yield ok("projectors", "there are none")


def _state(projector: type[Projector], state: ProjectorState | None) -> Finding:
    name = f"{projector.__type_name__} version {projector.version}"
    if state is None:
        return error("projectors", f"{name}: never activated", _MIGRATE)
    if state.activating_version is not None:
        return warning("projectors", f"{name}: version {state.activating_version} is going live", "wait a moment")
    if state.active_version is None and state.replaying_version is None:
        return warning("projectors", f"{name}: deactivated, it gets no events", _MIGRATE)
    if state.active_version != projector.version:
        return error("projectors", f"{name}: version {state.active_version or 'none'} is active", _MIGRATE)
    return ok("projectors", f"{name}: active")


def check_replay(app: Sequent) -> Iterator[Finding]:
    """Whether a replay is in progress, or has failed."""
    with app.engine.begin() as connection:
        row = replay_state.in_progress(connection)
    if row is None:
        yield ok("replay", "none is in progress")
        return
    what = ", ".join(row.projector_versions)
    fix = "sequent projectors replay status says what comes next; sequent projectors replay abort ends it"
    if row.state is State.FAILED:
        yield error(
            "replay", f"that of {what} failed: {row.error['message'] if row.error else 'nobody knows why'}", fix
        )
    else:
        yield warning("replay", f"that of {what} is in progress: {row.state.value}", fix)
