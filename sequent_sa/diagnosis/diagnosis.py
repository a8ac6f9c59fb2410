"""All checks in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from sequent_sa.application import Sequent
from sequent_sa.diagnosis.database_checks import check_database, check_event_store, check_view_tables
from sequent_sa.diagnosis.finding import Finding, Status, error, ok
from sequent_sa.diagnosis.projection_checks import check_projectors, check_replay
from sequent_sa.diagnosis.store_checks import check_partitions, check_pending, check_positions, check_types
from sequent_sa.exceptions import SequentError


def diagnose(app: Sequent, alembic_ini: Path | None = None) -> Iterator[Finding]:
    """Look at everything that can be looked at without changing anything, in the order in which it depends.

    `alembic_ini` is that of the view tables' migrations; None when they have none. What cannot be looked at because of
    what was found before is left out: without its tables, an event store has no more to say.
    """
    for name, look in _BEFORE.items():
        found = list(_carefully(name, partial(look, app)))
        yield from found
        if any(each.status is Status.ERROR for each in found):
            return
    yield from _carefully("view tables", partial(check_view_tables, app, alembic_ini))
    for name, look in _STORE.items():
        yield from _carefully(name, partial(look, app))


_CONNECTION = "look at DATABASE_URL and [tool.sequent.databases], and at what its user may do there"

_STORE: dict[str, Callable[[Sequent], Iterator[Finding]]] = {
    "projectors": check_projectors,
    "replay": check_replay,
    "types": check_types,
    "snapshots": check_pending,
    "partitions": check_partitions,
    "positions": check_positions,
}


def _check_classes(app: Sequent) -> Iterator[Finding]:
    parts = app.parts
    numbers: dict[str, Sequence[type]] = {
        "aggregates": parts.aggregates,
        "command handlers": parts.command_handlers,
        "projectors": parts.projectors,
        "workflows": parts.workflows,
    }
    yield ok("application", ", ".join(f"{len(classes)} {what}" for what, classes in numbers.items()))


def _carefully(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except DBAPIError as reason:
        yield error(name, f"the database says: {reason.orig}", _CONNECTION)
    except SequentError as reason:
        yield error(name, str(reason))


_BEFORE: dict[str, Callable[[Sequent], Iterator[Finding]]] = {
    "application": _check_classes,
    "database": check_database,
    "event store": check_event_store,
}
