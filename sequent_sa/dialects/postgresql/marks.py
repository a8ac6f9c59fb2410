"""What a position mark, which is the text of a snapshot, says about events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select

from sequent_sa import tables
from sequent_sa.exceptions import EventStoreError

_xact_id = tables.events.c.xact_id


def committed_between(after: str | None, until: str | None) -> Sequence[ColumnElement[bool]]:
    """Conditions on `events`: committed after one mark (None: since ever) until another (None: all visible)."""
    conditions: list[ColumnElement[bool]] = []
    if until is not None:
        conditions.append(or_(committed_at(until), _xact_id.is_(None), ~_above_floor()))
    if after is not None:
        conditions += [not_committed_at(after), _above_floor()]
    return conditions


def committed_at(mark: str) -> ColumnElement[bool]:
    """A condition on `events`: committed at this mark, as the mark itself tells.

    It is what pg_visible_in_snapshot works out, whose parameter would have to be made of text for each event.
    """
    xmin, xmax, still_open = _parts(mark)
    began_before = _xact_id < xmax
    return or_(_xact_id < xmin, and_(began_before, _xact_id.not_in(still_open))) if still_open else began_before


def not_committed_at(mark: str) -> ColumnElement[bool]:
    """A condition on `events`: not yet committed at this mark, as the mark itself tells."""
    _, xmax, still_open = _parts(mark)
    began_later = _xact_id >= xmax
    return or_(began_later, _xact_id.in_(still_open)) if still_open else began_later


def _parts(mark: str) -> tuple[int, int, list[int]]:
    try:
        xmin, xmax, still_open = mark.split(":")
        return int(xmin), int(xmax), [int(each) for each in still_open.split(",") if each]
    except ValueError as error:
        raise EventStoreError(f"{mark!r} is no position in a PostgreSQL database: keep what this one gave") from error


def _above_floor() -> ColumnElement[bool]:
    # What came by a restore carries transaction ids of another cluster, and was there before everything else.
    return tables.events.c.command_id > select(tables.store_state.c.floor_command_id).scalar_subquery()
