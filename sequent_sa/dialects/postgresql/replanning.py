"""What was prepared for a table of which a replay has made another one, with other columns.

The server plans a prepared statement anew when its tables changed, but refuses it when that would change its result.
"""

from __future__ import annotations

from typing import Any, Self

import psycopg
from psycopg.errors import FeatureNotSupported
from psycopg.pq import TransactionStatus


def is_outdated(error: BaseException | None) -> bool:
    """Whether a prepared statement was refused because its result would be another one than when it was prepared."""
    # Its SQLSTATE stands for all that is not supported, and what it says depends on the language of the server.
    return isinstance(error, FeatureNotSupported) and error.diag.source_function == "RevalidateCachedQuery"


class ReplanningCursor(psycopg.Cursor[Any]):
    """Executes an outdated statement once more, unless something else happened in its transaction before."""

    def execute(self, *arguments: Any, **options: Any) -> Self:
        first = self.connection.info.transaction_status == TransactionStatus.IDLE
        try:
            return super().execute(*arguments, **options)
        except FeatureNotSupported as error:
            if not (first and is_outdated(error)):
                raise
        if self.connection.autocommit:
            super().execute("ROLLBACK")  # of nothing; psycopg forgets what is prepared, and has the server forget it
        else:
            self.connection.rollback()
        return super().execute(*arguments, **options)


class AsyncReplanningCursor(psycopg.AsyncCursor[Any]):
    """The same for coroutines."""

    async def execute(self, *arguments: Any, **options: Any) -> Self:
        first = self.connection.info.transaction_status == TransactionStatus.IDLE
        try:
            return await super().execute(*arguments, **options)
        except FeatureNotSupported as error:
            if not (first and is_outdated(error)):
                raise
        if self.connection.autocommit:
            await super().execute("ROLLBACK")
        else:
            await self.connection.rollback()
        return await super().execute(*arguments, **options)


def replan(driver: Any) -> None:
    """Let the cursors of a connection do so, unless somebody gave it cursors of their own."""
    own = {psycopg.Cursor: ReplanningCursor, psycopg.AsyncCursor: AsyncReplanningCursor}
    driver.cursor_factory = own.get(driver.cursor_factory, driver.cursor_factory)
