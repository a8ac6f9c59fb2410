"""Named positions in the database: they move on in the transaction that holds the work of their consumer."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator
from contextlib import contextmanager

from sqlalchemy import Connection, select, update

from sequent_sa import _clock
from sequent_sa.dialects import Dialect
from sequent_sa.event_store.positions import EventBatch, EventPosition, Positions
from sequent_sa.tables import cursors


class Cursors:
    """Reads on from where the consumer of a name was."""

    def __init__(self, dialect: Dialect, positions: Positions) -> None:
        self._dialect = dialect
        self._positions = positions

    @contextmanager
    def batch(
        self, connection: Connection, name: str, type_names: Collection[str] | None, limit: int
    ) -> Generator[EventBatch, None, None]:
        """The next events for a consumer, in its transaction. Another consumer of this name waits for its end.

        When the block ends well the position is written; it counts once the transaction commits.
        """
        self._dialect.cluster_identifier(connection)  # says what is wrong with a standby before nothing can be written
        beginning = {"name": name, "position": json.loads(str(EventPosition())), "updated_at": _clock.now()}
        connection.execute(self._dialect.insert_or_ignore(cursors, "name"), beginning)
        stored = connection.scalar(select(cursors.c.position).where(cursors.c.name == name).with_for_update())
        position = EventPosition.parse(json.dumps(stored))
        is_new = position == EventPosition()
        found = self._positions.read(connection, None if is_new else position, type_names, limit)
        yield found
        connection.execute(
            update(cursors)
            .where(cursors.c.name == name)
            .values(position=json.loads(str(found.position)), updated_at=_clock.now())
        )
