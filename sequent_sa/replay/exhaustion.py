"""A database that has no more space or memory: nobody's mistake, and nothing that replaying again would find."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects import FailureKind, dialect_of
from sequent_sa.exceptions import EventStoreError


def exhausted(engine: Engine, error: DBAPIError) -> EventStoreError | None:
    """What to say when the database could not go on; None for any other error."""
    if dialect_of(engine).failure(error).kind is not FailureKind.NO_RESOURCES:
        return None
    return EventStoreError(
        f"the database could not go on ({error.orig}): look at the space and memory that it has, and take the step "
        "again. What was loaded before is kept, nothing is half loaded, and the live tables are as they were"
    )
