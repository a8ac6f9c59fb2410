"""Keeping events where their partition keys say, and making partitions for them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import Move, Partition, dialect_of
from sequent_sa.event_store import partition_keys
from sequent_sa.event_store.partition_keys import Waiting
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.replay.replay_state import refuse_in_progress
from sequent_sa.tables import events

logger = logging.getLogger(__name__)

Progress = Callable[[int], object]

_CHANGES_A_PAGE = 1_000
_NEXT = "\x01"
_LONGEST_NAME = 63


class Partitions:
    """The partition keys of an application's aggregates, and the partitions of its events.

    All of this runs beside the application, in transactions of its own. Each raises `ReplayError` while a replay is in
    progress, which reads events by partition key.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = dialect_of(engine)

    def pending_keys(self) -> int:
        """How many aggregates say another partition key than their events are kept under."""
        with self._engine.connect() as connection:
            return partition_keys.pending(connection)

    def update_keys(self, limit: int) -> int:
        """Move the events of at most `limit` aggregates to the partition keys that these say now.

        Each in a transaction of its own; what others are writing or moving at that moment is left for another time.
        Returns how many were moved.
        Whoever loads or appends meanwhile waits for one aggregate at most, and misses nothing. An aggregate that cannot
        be moved, because a statement takes longer than 30 seconds, is logged and left for another time.
        """
        if limit < 1:
            raise ConfigurationError(f"limit must be 1 or more, not {limit}")
        moved = failed = 0
        last: Waiting | None = None
        while moved + failed < limit:
            with self._transaction() as connection:
                page = partition_keys.waiting(connection, last, min(_CHANGES_A_PAGE, limit - moved - failed))
            if not page:
                break
            for last in page:
                try:
                    with self._transaction() as connection:
                        moved += partition_keys.make_change(self._dialect, connection, last.aggregate_id)
                except DBAPIError as error:
                    failed += 1
                    _log_failure(last.aggregate_id, error)
        return moved

    def found(self) -> Sequence[Partition]:
        """The partitions of the events, the default one last. Raises `ConfigurationError` on SQLite, which has none."""
        return self._dialect.partitions(self._engine).found()

    def create(
        self,
        key: str,
        until: str | None = None,
        *,
        name: str | None = None,
        group_size: int = 100,
        progress: Progress = lambda _moved: None,
    ) -> Partition:
        """Make a partition for one partition key, or for all from `key` until `until`, which is not included.

        Events that are there already are moved, those of `group_size` aggregates in a transaction, while the
        application goes on; `progress` gets how many aggregates were moved. For a moment nobody can write. A call that
        was interrupted is to be made again. Raises `ConfigurationError` for keys of which there can be no partition,
        and on SQLite, and `LockTimeout` when the application leaves no moment for it, or another call is at work.
        """
        if group_size < 1:
            raise ConfigurationError(f"group_size must be 1 or more, not {group_size}")
        upper = key + _NEXT if until is None else until
        name = _name(key if until is None else f"{key}_{until}") if name is None else _checked(name)
        partitions = self._dialect.partitions(self._engine)
        with partitions.alone():
            if (key, upper) not in [(each.lower, each.upper) for each in partitions.found()]:
                partitions.check(key, upper)
                partitions.set_aside(key, upper)
                self._move(partitions.moving_out(key, upper), group_size, progress)
                partitions.attach(name, key, upper)
            self._move(partitions.moving_in(key, upper), group_size, progress)
            (made,) = [each for each in partitions.found() if (each.lower, each.upper) == (key, upper)]
        return made

    def _move(self, what: Move, group_size: int, progress: Progress) -> None:
        done = 0
        while True:
            with self._transaction() as connection:
                number = partition_keys.move(self._dialect, connection, what, group_size)
            if number == 0:
                return
            done += number
            progress(done)

    @contextmanager
    def _transaction(self) -> Generator[Connection, None, None]:
        with self._dialect.writing(self._engine) as connection, connection.begin():
            self._dialect.exclude_replays(connection)
            refuse_in_progress(connection)
            yield connection


def _log_failure(aggregate_id: UUID, error: DBAPIError) -> None:
    why = type(error.orig).__name__
    about = {"aggregate_id": aggregate_id, "error": why}
    logger.error("the events of %s could not be moved to another partition: %s", aggregate_id, why, extra=about)
    logger.debug("why the events of %s could not be moved", aggregate_id, exc_info=error, extra=about)


def _name(keys: str) -> str:
    return _checked(f"{events.name}_{re.sub('[^a-z0-9]+', '_', keys.lower()).strip('_')}"[:_LONGEST_NAME])


def _checked(name: str) -> str:
    # The name of a partition tells what a violated constraint is about.
    if not name.startswith(f"{events.name}_") or not re.fullmatch("[a-z0-9_]{8,63}", name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a partition: give one (`name=`, `--name`) that begins with "
            f"`{events.name}_` and has only small letters, digits and underscores, at most {_LONGEST_NAME}"
        )
    return name
