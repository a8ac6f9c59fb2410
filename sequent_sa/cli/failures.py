"""Which errors say all there is to say, and in which words."""

from __future__ import annotations

from alembic.util import CommandError
from sqlalchemy.exc import ArgumentError, DBAPIError

from sequent_sa.exceptions import SequentError

_NO_CONNECTION = (
    "check DATABASE_URL and [tool.sequent.databases], and whether `sequent db create` has made the database"
)


def explanation(error: Exception) -> str | None:
    """What to tell the user; None for a defect, whose traceback is needed."""
    if isinstance(error, (SequentError, CommandError, ArgumentError)):
        return str(error)
    if isinstance(error, DBAPIError):
        text = f"the database says: {error.orig}"  # its own text would repeat the statement and its parameters
        return text if error.statement is not None else f"{text} ({_NO_CONNECTION})"
    return None
