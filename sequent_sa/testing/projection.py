"""Projectors against real, empty view tables; every test is rolled back."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from sequent_sa.application import Sequent
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.event import Event
from sequent_sa.projections.projector import Projector
from sequent_sa.replay.loading import load_directly
from sequent_sa.testing.streams import Given, flat

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class ProjectorFixture:
    """Hands events to the application's projectors; `session` reads what they wrote."""

    def __init__(self, app: Sequent, connection: Connection) -> None:
        self._app = app
        self._connection = connection
        self.session = Session(connection, join_transaction_mode="create_savepoint")

    def project(self, *events: Given) -> None:
        """Let every projector handle these events, in this order. Raises `PublishEventError` when one fails."""
        load_directly(self._app.projectors, flat(events), self._connection)
        self.session.expire_all()

    def attack(
        self,
        projector: type[Projector],
        *,
        begins_with: Sequence[type[Event]] | None = None,
        events: Mapping[type[Event], SearchStrategy[Any]] | None = None,
        ignoring: Sequence[str] = (),
        examples: int = 50,
    ) -> None:
        """Try random events on a projector: live, in every batch size, replayed, and with every handler failing once.

        `begins_with` names the classes of the events that begin an aggregate and never come later, `events` gives
        hypothesis strategies for events by class where random values will not do, `ignoring` names columns whose
        values no projector decides. Raises `AssertionError` with the smallest history that gives different rows, and
        `ConfigurationError` when hypothesis is not installed.
        """
        __tracebackhide__ = True
        try:
            from sequent_sa.testing.attack import Attack  # noqa: PLC0415 - only this needs hypothesis
        except ImportError as error:
            raise ConfigurationError("attacking a projector needs hypothesis: pip install hypothesis") from error
        Attack(projector, begins_with, events, ignoring).run(self._connection, examples)


@contextmanager
def projecting(app: Sequent, connection: Connection) -> Generator[ProjectorFixture, None, None]:
    """A fixture in the transaction of a connection."""
    fixture = ProjectorFixture(app, connection)
    try:
        yield fixture
    finally:
        fixture.session.close()
