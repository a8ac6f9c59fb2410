"""One flight to PostgreSQL: statements that go to the server together, and all that comes back.

psycopg's own pipeline takes a cursor and a system call for each statement. This takes neither: it fills libpq's buffer
through `psycopg.pq`, sends it at once, and reads the answers in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import methodcaller
from secrets import token_hex
from typing import Any, NamedTuple

import psycopg
from psycopg import capabilities, pq
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.generators import send
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait

from sequent_sa.dialects.driver_transaction import Sendable
from sequent_sa.dialects.postgresql.replanning import is_outdated
from sequent_sa.exceptions import ConfigurationError

_SUCCEEDED = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)
_FAILED = pq.ExecStatus.FATAL_ERROR
_MOST_PREPARED = 200
_OF_PLANS = ("0A", "42", "XX")
"""Classes of errors that may be about what a statement was planned for, and not about its values."""

_Driver = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
_Shape = tuple[bytes, tuple[int, ...]]
_Query = tuple[_Shape, Sequence[Buffer | None] | None, Sequence[pq.Format] | None]
"""One execution, as libpq takes it: text and types of the parameters, the parameters, their formats."""

_Expected = tuple[int, _Shape, bytes | None]
"""An answer: to the statement at a place, or, when there is a name, to its preparation or closing under that name."""


class _Adapting(NamedTuple):
    """What psycopg needs to know for reading values."""

    adapters: AdaptersMap
    connection: None = None


class Wire:
    """What stays the same from flight to flight of one connection: how values are written, and what is prepared.

    The server keeps what is prepared, by text and types of parameters, so there are at most 200; what comes after those
    is parsed each time. psycopg makes the server forget all of them when it rolls back, and after DROP and ALTER.
    """

    def __init__(self, driver: _Driver) -> None:
        self.pgconn: PGconn = driver.pgconn
        self.prepared: dict[_Shape, bytes] = {}
        # Whoever told the driver to prepare nothing has a pooler between, which gives each transaction another server.
        self.may_prepare = driver.prepare_threshold is not None
        # DEALLOCATE would do for older versions of libpq, but fails, and the transaction with it, for what is gone.
        self.may_close = capabilities.has_send_close_prepared()
        self._driver = driver
        self._number = 0
        # Behind a pooler that nobody told the driver of, the statements of others are on the same server.
        self._token = token_hex(4).encode()
        self._left: list[bytes] = []
        self._speak()

    def keep_up(self) -> None:
        """Write text as the server expects it now."""
        if self.pgconn.parameter_status(b"client_encoding") != self._client_encoding:
            self._speak()

    def _speak(self) -> None:
        self._client_encoding = self.pgconn.parameter_status(b"client_encoding")
        self._transformer = Transformer(self._driver)
        self.encoding = self._transformer.encoding
        # The same bytes for the same text: what is prepared is looked up by them, and bytes remember their hash.
        self._encoded = lru_cache(_MOST_PREPARED)(methodcaller("encode", self.encoding))
        # Without a connection, which has a time zone, psycopg reads moments in UTC, which takes half the time. And it
        # reads text as UTF-8.
        apart = self.encoding == "utf-8"
        self._reader = Transformer(_Adapting(self._driver.adapters)) if apart else self._transformer

    def new_name(self) -> bytes:
        """A name that was never used on this connection, and is not used on others."""
        self._number += 1
        return b"sequent_%s_%d" % (self._token, self._number)

    def leave(self, names: Iterable[bytes]) -> None:
        """Have the server forget these with the next flight, as far as it has heard of them."""
        if self.may_close:
            self._left += names

    def take_left(self) -> Sequence[bytes]:
        """What the server shall forget now."""
        left, self._left = self._left, []
        return left

    def forget(self) -> None:
        """Prepare everything anew."""
        self.leave(self.prepared.values())
        self.prepared.clear()

    def query(self, text: str, values: Sequence[Any] | None) -> _Query:
        """A statement as libpq takes it. Raises what psycopg says of values that it cannot write.

        And `ConfigurationError` for text that cannot be written in the encoding of the connection.
        """
        try:
            encoded = self._encoded(text)
            if not values:
                return (encoded, ()), None, None
            transformer = self._transformer
            parameters = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        except UnicodeEncodeError:
            pass  # it holds the whole text, which is nobody's business
        else:
            return (encoded, transformer.types or ()), parameters, transformer.formats
        raise ConfigurationError(
            f"a text has characters that the client_encoding of this connection, {self.encoding}, has not: connect "
            "with client_encoding=utf8"
        )

    def rows(self, result: PGresult) -> Sequence[Sequence[Any]]:
        """The rows of a result, with values as psycopg's cursors have them."""
        self._reader.set_pgresult(result)
        try:
            return self._reader.load_rows(0, result.ntuples, tuple)
        finally:
            self._reader.set_pgresult(None)


class Landing(NamedTuple):
    """What came back: a result for each statement that succeeded, and the first error with the place it stands at.

    `lost` is what the server said when it ended the connection after it had answered every statement.
    """

    results: Sequence[PGresult]
    failed: int | None = None
    error: psycopg.Error | None = None
    lost: psycopg.Error | None = None

    @property
    def forgotten(self) -> bool:
        """Whether what was prepared is of no use any more; then a flight that comes next prepares it anew."""
        return isinstance(self.error, psycopg.errors.InvalidSqlStatementName) or is_outdated(self.error)


class Flight:
    """Statements on their way. Everything that can be wrong with their values is found out before any is sent.

    With `lasting`, what was prepared before is used, and what is prepared now is kept. That takes a connection on which
    nobody else executed anything since the transaction began: forgotten statements would end the transaction. `landing`
    is what came back, None while that is not known.
    """

    def __init__(self, wire: Wire, sending: Sequence[Sendable], *, lasting: bool) -> None:
        self._wire = wire
        self._pgconn = wire.pgconn
        self._lasting = lasting
        self._known = wire.prepared if lasting else {}
        self._new: dict[_Shape, bytes] = {}
        self.landing: Landing | None = None
        self._queries = [wire.query(text, values) for _, text, values in sending]

    def go(self) -> PQGen[Landing]:
        """Send all and read all, as the generator that `wait` of a psycopg connection takes.

        A connection on which this did not come to its end is still in pipeline mode, and of no use to anybody.
        """
        self._pgconn.enter_pipeline_mode()
        expected = self._send()
        self._pgconn.pipeline_sync()
        yield from send(self._pgconn)
        landing = self.landing = yield from self._land(expected)
        if self._pgconn.status == pq.ConnStatus.OK:
            self._pgconn.exit_pipeline_mode()
        return landing

    def _send(self) -> list[_Expected]:
        expected = self._close(self._wire.take_left())
        pgconn = self._pgconn
        for place, (shape, parameters, formats) in enumerate(self._queries):
            name = self._known.get(shape) or self._new.get(shape) or self._prepare(place, shape, expected)
            if name is None:
                pgconn.send_query_params(shape[0], parameters, list(shape[1]) or None, formats)
            else:
                pgconn.send_query_prepared(name, parameters, formats)
            expected.append((place, shape, None))
        if not self._lasting:
            expected += self._close(self._new.values())
        return expected

    def _close(self, names: Iterable[bytes]) -> list[_Expected]:
        expected: list[_Expected] = []
        for name in names:
            self._pgconn.send_close_prepared(name)
            expected.append((0, (name, ()), name))
        return expected

    def _prepare(self, place: int, shape: _Shape, expected: list[_Expected]) -> bytes | None:
        if not self._is_worth_preparing(shape):
            return None
        name = self._new[shape] = self._wire.new_name()
        self._pgconn.send_prepare(name, shape[0], list(shape[1]) or None)
        expected.append((place, shape, name))
        return name

    def _is_worth_preparing(self, shape: _Shape) -> bool:
        if not self._wire.may_prepare:
            return False
        if self._lasting:
            return len(self._known) + len(self._new) < _MOST_PREPARED
        return self._wire.may_close and sum(each == shape for each, _, _ in self._queries) > 1

    def _land(self, expected: Sequence[_Expected]) -> PQGen[Landing]:
        pgconn = self._pgconn
        results: list[PGresult] = []
        refused: tuple[_Expected, PGresult] | None = None
        try:
            for each in expected:
                if pgconn.is_busy():
                    yield from self._arrival()
                result = pgconn.get_result()
                assert result is not None
                status = result.status
                if status in _SUCCEEDED:
                    self._note(each, result, results)
                elif refused is None and status == _FAILED:
                    refused = each, result
                if pgconn.is_busy():
                    yield from self._arrival()
                pgconn.get_result()  # the end of the answer
            if pgconn.is_busy():
                yield from self._arrival()
            end = pgconn.get_result()
        except psycopg.OperationalError:
            if refused is None:
                raise
            end = None
        if refused is not None:
            return self._refused(results, *refused)
        return self._lost(results, end) if end is not None and end.status == _FAILED else Landing(results)

    def _arrival(self) -> PQGen[None]:
        while self._pgconn.is_busy():
            if (yield Wait.R):
                self._pgconn.consume_input()

    def _note(self, answered: _Expected, result: PGresult, results: list[PGresult]) -> None:
        _, shape, name = answered
        if name is None:
            results.append(result)
        elif self._lasting and shape in self._new:
            self._wire.prepared[shape] = name

    def _refused(self, results: Sequence[PGresult], answered: _Expected, result: PGresult) -> Landing:
        place, shape, _ = answered
        error = psycopg.errors.error_from_result(result, self._wire.encoding)
        landing = Landing(results, place, error)
        wire = self._wire
        if landing.forgotten:
            wire.forget()
        elif not self._lasting:
            wire.leave(self._new.values())  # what would have closed them was skipped
        elif (error.sqlstate or "").startswith(_OF_PLANS) and shape in wire.prepared:
            wire.leave([wire.prepared.pop(shape)])
        return landing

    def _lost(self, results: Sequence[PGresult], end: PGresult) -> Landing:
        lost = psycopg.errors.error_from_result(end, self._wire.encoding)
        self._pgconn.finish()  # libpq would go on until the next statement
        return Landing(results, lost=lost)
