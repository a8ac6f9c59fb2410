"""Who may take a step of a replay, and what is written down when it fails."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sequent_sa.exceptions import ReplayError
from sequent_sa.projections.projector_states import read_states
from sequent_sa.replay import replay_state
from sequent_sa.replay.context import ReplayContext
from sequent_sa.replay.exhaustion import exhausted
from sequent_sa.replay.replay_state import ReplayRow, State

_SECONDS_TO_WAIT = 3.0


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of one replay: one process at a time takes one, and only from a state that it fits."""

    context: ReplayContext
    row: ReplayRow

    @contextmanager
    def taking(self, step: str) -> Generator[ReplayRow, None, None]:
        """Look whether the step fits, keep other processes from taking one meanwhile, and store what goes wrong.

        Raises `ReplayError` when it does not fit, when another process is at work, and when this code has other
        versions of the projectors.
        """
        self.context.projectors_of(self.row)
        with self._alone():
            with self.context.dialect.writing(self.context.engine) as connection, connection.begin():
                row = replay_state.lock_for(connection, self.row.id, step)
                if row.state is not State.CREATED:
                    self._check_versions(connection)
            try:
                with self._explained():
                    yield row
            except Exception as error:
                self._store(error)
                raise

    @contextmanager
    def changing(self, step: str) -> Generator[Connection, None, None]:
        """A transaction that changes the state. Raises `ReplayError` when the step does not fit it any more."""
        with self.context.dialect.writing(self.context.engine) as connection, connection.begin():
            replay_state.lock_for(connection, self.row.id, step)
            yield connection

    def return_to(self, state: State) -> None:
        """After a catch-up that did not end, unless another process has changed the state since."""
        with self.context.dialect.writing(self.context.engine) as connection, connection.begin():
            replay_state.return_to(connection, self.row.id, State.CATCHING_UP, state)

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        with self.context.dialect.replaying(self.context.engine, _SECONDS_TO_WAIT) as alone:
            if not alone:
                raise ReplayError(
                    "another process is at work on this replay: wait until it is done, or end it, or end the replay "
                    "with `sequent projectors replay abort`"
                )
            yield

    @contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except DBAPIError as error:
            explained = exhausted(self.context.engine, error)
            if explained is None:
                raise
            raise explained from error

    def _check_versions(self, connection: Connection) -> None:
        states = read_states(connection)
        expected = dict(self.row.projector_versions)
        found = {name: state.replaying_version for name, state in states.items() if state.replaying_version is not None}
        if found != expected:
            raise ReplayError(
                f"this replay is of {_named(expected)}, but the database says that {_named(found)} is being replayed: "
                "abort this replay and begin another one"
            )

    def _store(self, error: Exception) -> None:
        try:
            with self.context.dialect.writing(self.context.engine) as connection, connection.begin():
                replay_state.set_failed(connection, self.row.id, error)
        except DBAPIError as second:
            error.add_note(f"this could not be stored with the replay: {second.orig}")


def _named(versions: Mapping[str, int | None]) -> str:
    return ", ".join(f"{name} version {version}" for name, version in sorted(versions.items())) or "nothing"
