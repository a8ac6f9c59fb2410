"""What filled twins get on PostgreSQL before they go live: their indexes and foreign keys, their order, statistics."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from sequent_sa.dialects.dialect import Doing
from sequent_sa.dialects.postgresql import catalog
from sequent_sa.dialects.postgresql.catalog import quote, run
from sequent_sa.dialects.postgresql.schemas import DEFERRED, OPTIMIZE, REPLAY, VIEW

_LONGEST = 60


def optimize(engine: Engine, twins: Sequence[str], doing: Doing) -> None:
    """Make what was left out while loading; then bring clustered tables in order, and vacuum and analyse all.

    Each index is committed by itself: whoever takes the step again goes on behind the last one.
    """
    with engine.connect() as connection, connection.begin():
        tables = [name for name in twins if name not in catalog.views_among(connection, REPLAY, twins)]
        todo = int(connection.scalar(_COUNT) or 0)
    _make_deferred(engine, doing, todo + len(tables))
    with engine.connect() as connection, connection.begin():
        connection.execute(_SYNCHRONOUS)
        connection.execute(_WRITE_LOG)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        clustered = connection.scalars(_CLUSTERED, {"schema": REPLAY}).all()  # the marks came back with the indexes
        tidying = [f"CLUSTER {REPLAY}.{quote(name)}" for name in clustered]
        tidying += [f"VACUUM (ANALYZE) {REPLAY}.{quote(name)}" for name in tables]
        for place, statement in enumerate(tidying, todo):
            doing(statement, place, todo + len(tidying))
            run(connection, [statement])


def _make_deferred(engine: Engine, doing: Doing, parts: int) -> None:
    done = 0
    with engine.connect() as connection:
        while True:
            with connection.begin(), catalog.looking_in(connection, REPLAY, VIEW):
                found = connection.execute(_NEXT).one_or_none()
                if found is None:
                    return
                doing(_shortened(found.statement), done, parts)
                run(connection, [found.statement])
                connection.execute(_DONE, {"number": found.number})
            done += 1


def _shortened(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


_COUNT = text(f"SELECT count(*) FROM {REPLAY}.{DEFERRED} WHERE phase = '{OPTIMIZE}'")
_NEXT = text(
    f"SELECT number, statement FROM {REPLAY}.{DEFERRED} WHERE phase = '{OPTIMIZE}' ORDER BY number LIMIT 1 FOR UPDATE"
)
_DONE = text(f"DELETE FROM {REPLAY}.{DEFERRED} WHERE number = :number")
# Rows whose commit is not on the disk yet, as after `synchronous_commit = off`, cannot be marked as visible to all.
_SYNCHRONOUS = text("SET LOCAL synchronous_commit = on")
_WRITE_LOG = text("SELECT pg_logical_emit_message(true, 'sequent', 'optimize')")
_CLUSTERED = text("""
    SELECT t.relname FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
     WHERE i.indisclustered AND t.relnamespace = to_regnamespace(:schema) ORDER BY 1
""")
