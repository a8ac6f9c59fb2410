"""A write that is still to be sent, and what it means when the database refuses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Executable

from sequent_sa.dialects import Failure
from sequent_sa.exceptions import SequentError

Parameters = Mapping[str, object] | Sequence[Mapping[str, object]]
Explain = Callable[[Failure, BaseException], SequentError | None]


@dataclass(frozen=True, slots=True)
class Write:
    """One statement of a burst. `explain` turns its failure into the error that the user sees, if it knows one."""

    statement: Executable
    parameters: Parameters | None = None
    explain: Explain | None = None
