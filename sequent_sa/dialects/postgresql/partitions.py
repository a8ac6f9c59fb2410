"""Partitions of the events on PostgreSQL: one more, while the application goes on storing events.

A partition cannot be made while the default partition has rows for it, and the server looks through the whole default
partition, keeping everybody out, unless a constraint says that there are none. So the keys of the range are set aside:
a trigger on aggregates gives them another key, also to new ones; then there are none, a constraint is validated while
writers go on, and the partition is made in a moment.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from psycopg.sql import Literal
from sqlalchemy import Connection, Engine, and_, func, literal, text

from sequent_sa.dialects.partitions import Move, Partition
from sequent_sa.dialects.postgresql import catalog
from sequent_sa.dialects.postgresql.locks import lock_tables
from sequent_sa.exceptions import ConfigurationError, LockTimeout
from sequent_sa.tables import SCHEMA, aggregates, commands, event_types, events

_LOCK_SECONDS = 10.0
_FUNCTION = f"{SCHEMA}.set_partition_key_aside"
_CONSTRAINT = "sequent_partition_is_empty"
_SEPARATOR = "\x01"
_KEY = aggregates.c.events_partition_key

_FOUND = text(
    f"""
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds, c.reltuples, pg_total_relation_size(c.oid) AS size
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = '{events.fullname}'::regclass
 ORDER BY pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.relname"""
)
_LITERAL = "(?:MINVALUE|MAXVALUE|E?'(?:[^']|'')*')"
_BOUNDS = re.compile(rf"FOR VALUES FROM \(({_LITERAL})\) TO \(({_LITERAL})\)", re.DOTALL)
_UNFINISHED = text("SELECT obj_description(to_regproc(:name), 'pg_proc')")


class PostgreSQLPartitions:
    """RANGE partitions by partition key, as the event store's migrations lay them out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def found(self) -> Sequence[Partition]:
        with self._engine.connect() as connection:
            return [_partition(*row) for row in connection.execute(_FOUND)]

    @contextmanager
    def alone(self) -> Generator[None, None, None]:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(hashtext(:name))"), {"name": _FUNCTION}):
                raise LockTimeout("another process is making a partition: wait until it is done")
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(hashtext(:name))"), {"name": _FUNCTION})

    def check(self, lower: str, upper: str) -> None:
        with self._engine.connect() as connection:
            wrong = "would hold no key" if not _is_less(connection, lower, upper) else None
            unfinished = connection.scalar(_UNFINISHED, {"name": _FUNCTION})
            if unfinished is not None and unfinished != _described(lower, upper):
                wrong = f"has to wait: the one {unfinished} was begun and not finished, so make that first"
            for each in self.found():
                if each.lower is not None and each.upper is not None:
                    starts_below = _is_less(connection, each.lower, upper)
                    if starts_below and _is_less(connection, lower, each.upper):
                        wrong = f"overlaps {each.name}, {_described(each.lower, each.upper)}"
        if wrong is not None:
            raise ConfigurationError(f"a partition {_described(lower, upper)} {wrong}")

    def set_aside(self, lower: str, upper: str) -> None:
        first, end, prefix = (_quoted(key) for key in (lower, upper, upper + _SEPARATOR))
        key = "NEW.events_partition_key"
        body = f"BEGIN IF {key} >= {first} AND {key} < {end} THEN {key} := {prefix} || {key}; END IF; RETURN NEW; END"
        with self._engine.begin() as connection:
            lock_tables(connection, {aggregates.fullname: "SHARE ROW EXCLUSIVE"}, _LOCK_SECONDS)
            _run(
                connection,
                f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS {_quoted(body)}",
                f"COMMENT ON FUNCTION {_FUNCTION}() IS {_quoted(_described(lower, upper))}",
                "CREATE OR REPLACE TRIGGER set_partition_key_aside BEFORE INSERT OR UPDATE OF events_partition_key "
                f"ON {aggregates.fullname} FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()",
            )

    def attach(self, name: str, lower: str, upper: str) -> None:
        (default,) = [each.name for each in self.found() if each.lower is None and each.upper is None]
        table, first, end = f"{SCHEMA}.{catalog.quote(default)}", _quoted(lower), _quoted(upper)
        # In the words in which the server asks for it, so that it takes it as an answer.
        empty = f"NOT (partition_key IS NOT NULL AND partition_key >= {first} AND partition_key < {end})"
        with self._engine.begin() as connection:
            lock_tables(connection, {table: "ACCESS EXCLUSIVE"}, _LOCK_SECONDS)
            _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {_CONSTRAINT}")
            _run(connection, f"ALTER TABLE {table} ADD CONSTRAINT {_CONSTRAINT} CHECK ({empty}) NOT VALID")
        with self._engine.begin() as connection:
            _run(connection, f"ALTER TABLE {table} VALIDATE CONSTRAINT {_CONSTRAINT}")
        with self._engine.begin() as connection:
            # All that the statements below lock, so that none of them waits while it holds something.
            modes = {table.fullname: "SHARE ROW EXCLUSIVE" for table in (commands, event_types)}
            modes |= {table.fullname: "ACCESS EXCLUSIVE" for table in (aggregates, events)}
            lock_tables(connection, modes, _LOCK_SECONDS)
            _run(
                connection,
                f"CREATE TABLE {SCHEMA}.{catalog.quote(name)} PARTITION OF {events.fullname} "
                f"FOR VALUES FROM ({first}) TO ({end})",
                f"ALTER TABLE {table} DROP CONSTRAINT {_CONSTRAINT}",
                f"DROP FUNCTION {_FUNCTION}() CASCADE",
            )

    def moving_out(self, lower: str, upper: str) -> Move:
        return Move(and_(lower <= _KEY, upper > _KEY), func.concat(upper + _SEPARATOR, _KEY))

    def moving_in(self, lower: str, upper: str) -> Move:
        prefix = upper + _SEPARATOR
        key = func.substr(_KEY, literal(len(prefix) + 1))
        waits = and_(prefix + lower <= _KEY, func.starts_with(_KEY, prefix), key >= lower, key < upper)
        return Move(waits, key)


def _partition(name: str, bounds: str, rows: float, size: int) -> Partition:
    match = _BOUNDS.fullmatch(bounds)
    lower, upper = (None, None) if match is None else (_unquoted(match[1]), _unquoted(match[2]))
    return Partition(name, lower, upper, None if rows < 0 else int(rows), size)


def _unquoted(value: str) -> str | None:
    if not value.endswith("'"):
        return None
    plain = value[value.index("'") + 1 : -1].replace("''", "'")
    return plain.replace("\\\\", "\\") if value.startswith("E") else plain


def _quoted(value: str) -> str:
    return Literal(value).as_string()


def _is_less(connection: Connection, lower: str, upper: str) -> bool:
    return bool(connection.scalar(text("SELECT CAST(:lower AS text) < :upper"), {"lower": lower, "upper": upper}))


def _described(lower: str, upper: str) -> str:
    return f"from {lower!r} until {upper!r}"


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
