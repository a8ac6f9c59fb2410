"""For rehearsing a replay: rows are made as for the tables, counted, and forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn

from sqlalchemy import Column, Connection

from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.persistors.record_table import RecordTable


class DiscardingPersistor(InMemoryPersistor):
    """Does all that a replay does to a group of aggregates, but for asking the database."""

    def discard(self) -> Counter[str]:
        """Forget all rows; returns how many there were for each table.

        Raises `ProjectorError` for a row that lacks a value which must be there. What else a database checks is found
        by a real replay only.
        """
        found: Counter[str] = Counter()
        for table, records in self.take().items():
            _refuse_missing_values(table, records)
            found[table.table.name] += len(records)
        return found

    def load(self, connection: Connection) -> NoReturn:
        """Raises `ProjectorError`: there is nothing to load them into."""
        raise ProjectorError(f"the rows of a rehearsal are not for {connection.engine.url.database}")


def _refuse_missing_values(table: RecordTable[Any], records: list[dict[str, Any]]) -> None:
    needed = [name for name, column in table.columns.items() if _is_needed(table, column)]
    for values in records:
        missing = [name for name in needed if values.get(name) is None]
        if missing:
            raise ProjectorError(f"{_row(table, values)} has no {', '.join(missing)}, which must have a value")


def _is_needed(table: RecordTable[Any], column: Column[Any]) -> bool:
    by_database = (column.server_default, column.computed, column.identity)
    made = column.default is not None or any(each is not None for each in by_database)
    return not (column.nullable or made or column is table.table.autoincrement_column)


def _row(table: RecordTable[Any], values: Mapping[str, Any]) -> str:
    key = ", ".join(f"{name}={value}" for name, value in table.identity(values).items())
    return f"the row of {table.table.name} with the key {key}"
