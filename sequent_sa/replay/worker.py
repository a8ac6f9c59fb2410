"""One process of several that load groups: it imports the application, asks for groups, and says how far it is."""

from __future__ import annotations

import gc
import importlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from typing import Any, Protocol

from sqlalchemy import Engine

from sequent_sa.dialects import Dialect
from sequent_sa.event_store.load import Load
from sequent_sa.exceptions import ReplayError
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.projector import Projector
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loader import Loader, Outcome
from sequent_sa.replay.rehearsing_loader import NO_REPLAY, RehearsingLoader
from sequent_sa.replay.replay_state import describe_failure


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker has to know before its first group."""

    import_name: str
    database_url: str
    version_table: str
    projectors: Sequence[str]
    replay_id: int | None  # of none when it is a rehearsal
    mark: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """So many more events were projected."""

    events: int


@dataclass(frozen=True, slots=True)
class Idle:
    """A group is loaded, and this came of it; or none was given yet."""

    outcome: Outcome = Outcome()  # noqa: RUF009 - it is a value


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker gives up; what went wrong, as text."""

    cause: dict[str, str]


Answer = Advanced | Idle | Failed
"""What a worker says."""


class Application(Protocol):
    """What a worker needs of an application: a `Sequent` has it."""

    @property
    def engine(self) -> Engine: ...
    @property
    def dialect(self) -> Dialect: ...
    @property
    def event_reader(self) -> Load: ...
    @property
    def type_names(self) -> TypeNames: ...
    @property
    def projectors(self) -> Sequence[type[Projector]]: ...
    def on(self, database: str) -> Application: ...


def work(assignment: Assignment, pipe: connection.Connection) -> None:
    """The whole life of a worker process: it ends when it is told so, fails, or the parent is gone."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        loader = _loader(assignment)
        pipe.send(Idle())
        while (group := _next(pipe)) is not None:
            pipe.send(Idle(loader.load(group, assignment.mark, lambda number: pipe.send(Advanced(number)))))
        gc.freeze()  # else Python looks through all that was imported when it ends: a third of the time that took
    except (EOFError, ConnectionError) as error:
        raise SystemExit(1) from error  # nobody waits for this process any more
    except BaseException as error:
        pipe.send(Failed(describe_failure(error)))
        raise SystemExit(1) from error


def _next(pipe: connection.Connection) -> Group | None:
    received: Group | None = pipe.recv()
    return received


def _loader(assignment: Assignment) -> Loader:
    app = _application(assignment)
    by_name = {projector.__type_name__: projector for projector in app.projectors}
    missing = [name for name in assignment.projectors if name not in by_name]
    if missing:
        raise ReplayError(f"{assignment.import_name} has no {', '.join(missing)}")
    kind = RehearsingLoader if assignment.replay_id is None else Loader
    return kind(
        app.engine,
        app.event_reader,
        app.type_names,
        app.dialect.shadow_tables(app.engine, assignment.version_table),
        [by_name[name] for name in assignment.projectors],
        assignment.replay_id or NO_REPLAY,
    )


def _application(assignment: Assignment) -> Application:
    module, _, attribute = assignment.import_name.partition(":")
    found: Any = importlib.import_module(module)
    for name in attribute.split("."):
        found = getattr(found, name)
    app: Application = found
    same = app.engine.url.render_as_string(hide_password=False) == assignment.database_url
    return app if same else app.on(assignment.database_url)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
