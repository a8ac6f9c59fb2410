"""Whether the live tables hold what a replay would give: compared at one moment, while the application writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, DefaultClause, Select, Table, column, func, literal, select, table, union_all

from sequent_sa.dialects import ShadowTables, stream_rows
from sequent_sa.exceptions import ReplayError
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector_states import by_projector, read_states
from sequent_sa.replay.context import Projectors, ReplayContext, Report
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.meter import Watch

_CONSTANT = re.compile(r"\s*('([^']|'')*'|[-+]?[\d.]+|true|false|null)\s*", re.IGNORECASE)
_ROWS_IN_MEMORY = 1_000
_LIVE, _REPLAYED = "live", "replayed"


class Difference(NamedTuple):
    """A row that is not what a replay makes of the events. None on one side: there is no such row.

    `key` is empty for a table whose keys the database makes, since a replay makes others.
    """

    table: str
    key: Mapping[str, Any]
    live: Mapping[str, Any] | None
    replayed: Mapping[str, Any] | None


def verify(
    context: ReplayContext,
    projectors: Projectors,
    found: Callable[[Difference], object],
    report: Report,
    watch: Watch,
) -> int:
    """Replay projectors aside and compare; returns the number of rows that differ.

    Values that the database makes itself, such as serial keys, are not compared. The live tables are not touched,
    and nothing is left of the replay. Raises `ReplayError` when a projector is not active in the version of this code,
    or when a replay is in progress.
    """
    with context.engine.connect() as connection:
        states = by_projector(read_states(connection), projectors)
    for projector in projectors:
        state = states.get(projector.__type_name__)
        if state is None or state.active_version != projector.version:
            raise ReplayError(
                f"{projector.__type_name__} version {projector.version} is not active, so its tables cannot be "
                "compared: run the code that is active, or take this one live with `sequent migrate online` and "
                "`sequent migrate offline`"
            )
    replay = Replay.create(context, projectors, report, watch)
    try:
        replay.prepare(swapping=False)
        replay.run()
        replay.catch_up()
        return replay.compare(lambda live: _report(_differences(live, context.twins, projectors), found))
    finally:
        replay.abort()


def _report(differences: Generator[Difference, None, None], found: Callable[[Difference], object]) -> int:
    # Closed before the transaction ends, also when `found` raises.
    with closing(differences):
        return sum(1 for _ in map(found, differences))


def _differences(
    connection: Connection, twins: ShadowTables, projectors: Projectors
) -> Generator[Difference, None, None]:
    for projector in projectors:
        for record in projector.managed_tables or ():
            yield from _differences_in(connection, twins, record_table(record).table)


def _differences_in(connection: Connection, twins: ShadowTables, managed: Table) -> Generator[Difference, None, None]:
    compared = [each for each in managed.columns if not _is_made_by_database(each)]
    key = [each.name for each in managed.primary_key]
    keyed = all(each in compared for each in managed.primary_key)
    live, replayed = (_rows(twins, managed, compared, place, counted=not keyed) for place in twins.places)
    sides = [(_LIVE, live.except_(replayed).subquery()), (_REPLAYED, replayed.except_(live).subquery())]
    both = union_all(*(select(literal(side).label("side"), rows) for side, rows in sides))
    if keyed:
        both = both.order_by(*key)
    names = both.selected_columns.keys()
    with closing(stream_rows(connection, both, _ROWS_IN_MEMORY)) as rows:
        found = (dict(zip(names, row, strict=True)) for row in rows)
        yield from (_by_key(managed.name, found, key) if keyed else _one_by_one(managed.name, found))


def _by_key(name: str, found: Iterator[dict[str, Any]], key: Sequence[str]) -> Iterator[Difference]:
    for identity, rows in groupby(found, lambda row: tuple(row[name] for name in key)):
        by_side = {row.pop("side"): row for row in rows}
        yield Difference(name, dict(zip(key, identity, strict=True)), by_side.get(_LIVE), by_side.get(_REPLAYED))


def _one_by_one(name: str, found: Iterator[dict[str, Any]]) -> Iterator[Difference]:
    for row in found:
        side = row.pop("side")
        yield Difference(name, {}, row if side == _LIVE else None, row if side == _REPLAYED else None)


def _rows(
    twins: ShadowTables, managed: Table, compared: list[Column[Any]], place: str, *, counted: bool
) -> Select[Any]:
    there = table(managed.name, *(column(each.name, each.type) for each in compared), schema=place)
    columns = [twins.comparable(there.c[each.name]).label(each.name) for each in compared]
    if not counted:
        return select(*columns)
    return select(*columns, func.count().label("rows")).select_from(there).group_by(*columns)


def _is_made_by_database(each: Column[Any]) -> bool:
    if each.table.autoincrement_column is each or each.identity is not None:
        return True
    default = each.server_default
    if not isinstance(default, DefaultClause):
        return False  # none, or computed from other columns, which a replay does in the same way
    return not _CONSTANT.fullmatch(str(default.arg))
