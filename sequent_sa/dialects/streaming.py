"""Reading rows one by one, on any database."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from sqlalchemy import Connection, Executable


def stream_rows(connection: Connection, statement: Executable, size: int) -> Generator[Sequence[object], None, None]:
    """Run a SELECT and yield its rows, holding about `size` of them in memory."""
    with connection.execute(statement, execution_options={"yield_per": size}) as rows:
        yield from rows
