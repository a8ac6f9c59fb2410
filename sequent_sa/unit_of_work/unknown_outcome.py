"""What is said when nobody knows whether a transaction was committed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from uuid import UUID

_MOST_NAMED = 3


def say_unknown(error: BaseException, aggregate_ids: Iterable[UUID] = ()) -> None:
    """Add to an error that came between the commit and its answer what that means, and how to find out."""
    named = [str(each) for each in islice(aggregate_ids, _MOST_NAMED)]
    error.add_note(
        "whether this transaction was committed is not known: the answer to its COMMIT was not read, so no hook ran. "
        f"Before you do it again, look whether its events are there: `sequent show {(named or ['ID'])[0]}`"
        + (f" (it was about {', '.join(named)})" if len(named) > 1 else "")
    )
