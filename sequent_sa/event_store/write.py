"""A write that is still to be sent, and what it means when the database refuses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sequent_sa.dialects import BoundStatement, Failure, Parameters, Statement
from sequent_sa.exceptions import SequentError

Explain = Callable[[Failure, BaseException], SequentError | None]


@dataclass(slots=True, eq=False)
class Write:
    """One statement of a burst. `explain` turns its failure into the error that the user sees, if it knows one."""

    statement: Statement
    parameters: Parameters = None
    explain: Explain | None = None

    def bound(self) -> BoundStatement:
        """The statement with its parameters, as they are now."""
        return BoundStatement(self.statement, self.parameters)
