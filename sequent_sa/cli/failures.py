"""Which errors say all there is to say, and in which words."""

from __future__ import annotations

from alembic.util import CommandError
from sqlalchemy.exc import ArgumentError, DBAPIError

from sequent_sa.exceptions import SequentError

_NO_CONNECTION = (
    "check DATABASE_URL and [tool.sequent.databases], and whether `sequent db create` has made the database"
)

_INSUFFICIENT_PRIVILEGE = "42501"
_NO_RIGHT = "let the owner of the tables run this, or grant it to the user of DATABASE_URL"


def explanation(error: Exception) -> str | None:
    """What to tell the user; None for a defect, whose traceback is needed."""
    if isinstance(error, (SequentError, CommandError, ArgumentError)):
        return str(error)
    if isinstance(error, DBAPIError):
        text = f"the database says: {error.orig}"  # its own text would repeat the statement and its parameters
        if error.statement is None:
            return f"{text} ({_NO_CONNECTION})"
        return f"{text} ({_NO_RIGHT})" if getattr(error.orig, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE else text
    return None
