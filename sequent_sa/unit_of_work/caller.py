"""The session or connection in whose transaction a caller wants commands to be executed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session, class_mapper, scoped_session

from sequent_sa.dialects import dialect_of
from sequent_sa.tables import commands
from sequent_sa.unit_of_work.callers_transaction import CallersTransaction

Joinable = Session | scoped_session[Any] | Connection


class Caller:
    """A connection with an open transaction, and the session that it belongs to, if it does.

    `records_of` knows which classes of records some handlers of events write. Raises `TypeError` for anything
    else than a session or connection of SQLAlchemy.
    """

    def __init__(self, given: Joinable, records_of: Callable[[Collection[type]], Collection[type]]) -> None:
        self._records_of = records_of
        owner: Session | None = None
        if isinstance(given, scoped_session):
            given = given()
        if isinstance(given, Session):
            if not isinstance(given.get_bind(clause=commands), Connection):
                owner = given
            self.session: Session | None = given
            self.connection = given.connection(bind_arguments={"clause": commands})
        elif isinstance(given, Connection):  # pyright: ignore[reportUnnecessaryIsInstance]
            self.session = None
            self.connection = given
            if not given.in_transaction():
                given.begin()
        else:
            raise TypeError(
                f"a Session or Connection of SQLAlchemy is needed, not {given!r}: those of asyncio go to "
                "execute_commands_async"
            )
        self._nested = self.session.get_nested_transaction() if self.session is not None else None
        self.transaction = CallersTransaction.of(self.connection, owner)

    def begin_writing(self) -> None:
        """Become the one who writes, where there can be but one, before anything is written or a savepoint begins."""
        dialect_of(self.connection.engine).part_of(self.connection).lock()

    def flush(self) -> None:
        """Write the objects of the session that have changed."""
        session = self.session
        if session is not None and (session.new or session.dirty or session.deleted):
            self.begin_writing()
            session.flush()

    @contextmanager
    def savepoint(self) -> Generator[None, None, None]:
        """What is done inside, by whomever, stays as a whole or not at all."""
        with (self.session or self.connection).begin_nested():
            self.begin_savepoints()
            yield

    def begin_savepoints(self) -> None:
        """Have the savepoints begin that the session would begin with its next statement."""
        session = self.session
        if session is not None and session.get_nested_transaction() is not self._nested:
            self._nested = session.get_nested_transaction()
            session.connection(bind_arguments={"clause": commands})

    def expire(self, handlers: Collection[type]) -> None:
        """Have what handlers of events may have written, and what other objects know of it, read again when needed."""
        records = self._records_of(handlers)
        if self.session is None or not records:
            return
        tables = {table for record in records for table in class_mapper(record).tables}
        for instance in list(self.session.identity_map.values()):
            mapper = class_mapper(type(instance))
            if not tables.isdisjoint(mapper.tables):
                self.session.expire(instance)
                continue
            related = [each.key for each in mapper.relationships if not tables.isdisjoint(each.mapper.tables)]
            if related:
                self.session.expire(instance, related)
