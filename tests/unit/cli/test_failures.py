"""What the command line says about an error of the database."""

from __future__ import annotations

import pytest
from psycopg.errors import InsufficientPrivilege, OperationalError, UniqueViolation
from sqlalchemy.exc import DBAPIError

from sequent_sa.cli.failures import explanation


@pytest.mark.parametrize(
    ("statement", "error", "expected"),
    [
        ("SELECT 'secret'", InsufficientPrivilege("permission denied"), "let the owner of the tables run this"),
        ("SELECT 'secret'", UniqueViolation("duplicate key"), "the database says: duplicate key"),
        (None, OperationalError("connection failed"), "check DATABASE_URL"),
    ],
)
def test_an_error_of_the_database_says_what_to_do(statement: str | None, error: Exception, expected: str) -> None:
    """Where it is about rights or the connection; the statement and its parameters are nobody's business."""
    said = explanation(DBAPIError(statement, {"password": "secret"}, error))
    assert said is not None
    assert expected in said
    assert "secret" not in said


def test_a_defect_has_no_explanation() -> None:
    """Its traceback is needed."""
    assert explanation(KeyError("title")) is None
