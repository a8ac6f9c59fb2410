"""Taking table locks on PostgreSQL without making the application queue up behind the attempt, and locks by name."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from sequent_sa._asynchronous import pause
from sequent_sa.exceptions import LockTimeout

_ATTEMPT_SECONDS = 0.1


def lock_tables(connection: Connection, modes: Mapping[str, str], seconds: float) -> None:
    """Lock tables, each in its mode, in the order given, within `seconds`.

    Each attempt waits only briefly, and gives everything back in between, so that the application's transactions do
    not pile up behind a lock that waits for a long one. Raises `LockTimeout`.
    """
    give_up_at = time.monotonic() + seconds
    statements = [text(f"LOCK TABLE {name} IN {mode} MODE") for name, mode in modes.items()]
    while True:
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = '{int(_ATTEMPT_SECONDS * 1000)}ms'"))
                for statement in statements:
                    connection.execute(statement)
            connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
            return
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
            if time.monotonic() >= give_up_at:
                raise LockTimeout(
                    f"{', '.join(modes)} could not be locked within {seconds:g} s: a transaction of the application "
                    "holds it; try again, or end the transaction (see pg_stat_activity)"
                ) from error


@contextmanager
def holding(engine: Engine, name: str, seconds: float) -> Generator[bool, None, None]:
    """Hold a lock of this name until the block ends or the process dies.

    Gives False when somebody else keeps it for longer than `seconds`.
    """
    give_up_at = time.monotonic() + seconds
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not (held := bool(connection.scalar(_TRY_LOCK, {"name": name}))) and time.monotonic() < give_up_at:
            pause(_ATTEMPT_SECONDS)
        try:
            yield held
        finally:
            if held and not connection.invalidated:
                connection.execute(_UNLOCK, {"name": name})


_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtext(:name))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtext(:name))")
