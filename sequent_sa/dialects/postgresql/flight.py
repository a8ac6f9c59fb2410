"""One flight to PostgreSQL: statements that go to the server together, and all that comes back.

psycopg's own pipeline takes a cursor and a system call for each statement. This takes neither: it fills libpq's buffer
through `psycopg.pq`, sends it at once, and reads the answers in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch, send
from psycopg.pq.abc import PGconn, PGresult

from sequent_sa.dialects.driver_transaction import Sendable

_SUCCEEDED = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)
_MOST_PREPARED = 200

_Shape = tuple[bytes, tuple[int, ...]]


class _Query(NamedTuple):
    """One execution, as libpq takes it."""

    text: bytes
    parameters: Sequence[Buffer | None] | None
    types: tuple[int, ...]
    formats: Sequence[pq.Format] | None


@dataclass(slots=True)
class PreparedStatements:
    """What was prepared on one connection, by text and types of parameters.

    The server keeps what is prepared, so there are at most 200; what comes after those is parsed each time. psycopg
    makes the server forget all of them when it rolls back, and after DROP and ALTER.
    """

    names: dict[_Shape, bytes] = field(default_factory=dict[_Shape, bytes])
    number: int = 0

    def new_name(self) -> bytes:
        """A name that was never used on this connection."""
        self.number += 1
        return b"sequent_%d" % self.number


class _Expected(NamedTuple):
    """An answer: to the statement at a place, or, when there is a name, to its preparation under that name."""

    place: int
    shape: _Shape
    name: bytes | None = None


class Landing(NamedTuple):
    """What came back: a result for each statement that succeeded, and the first error with the place it stands at."""

    results: Sequence[PGresult]
    failed: int | None = None
    error: psycopg.Error | None = None

    @property
    def forgotten(self) -> bool:
        """Whether the server has forgotten what was prepared; then a flight that comes next prepares it anew."""
        return isinstance(self.error, psycopg.errors.InvalidSqlStatementName)


class Flight:
    """Statements on their way. Everything that can be wrong with their values is found out before any is sent.

    With `lasting`, what was prepared before is used, and what is prepared now is kept. That takes a connection on which
    nobody else executed anything since the transaction began: forgotten statements would end the transaction.
    """

    def __init__(
        self,
        driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any],
        prepared: PreparedStatements,
        sending: Sequence[Sendable],
        *,
        lasting: bool,
    ) -> None:
        self._pgconn: PGconn = driver.pgconn
        self._encoding = driver.info.encoding
        self._prepared = prepared
        self._lasting = lasting
        # Whoever told the driver to prepare nothing has a pooler between, which gives each transaction another server.
        self._preparing = driver.prepare_threshold is not None
        self._transformer = Transformer(driver)
        self._queries = [self._query(text, values) for _, text, values in sending]

    def go(self) -> PQGen[Landing]:
        """Send all and read all, as the generator that `wait` of a psycopg connection takes.

        A connection on which this did not come to its end is still in pipeline mode, and of no use to anybody.
        """
        self._pgconn.enter_pipeline_mode()
        expected = self._send()
        self._pgconn.pipeline_sync()
        yield from send(self._pgconn)
        landing = yield from self._land(expected)
        if self._pgconn.status == pq.ConnStatus.OK:
            self._pgconn.exit_pipeline_mode()
        return landing

    def rows(self, result: PGresult) -> Sequence[Sequence[Any]]:
        """The rows of a result, with values as psycopg's cursors have them."""
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def _query(self, text: str, values: Sequence[Any] | None) -> _Query:
        encoded = text.encode(self._encoding)
        if not values:
            return _Query(encoded, None, (), None)
        parameters = self._transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        return _Query(encoded, parameters, self._transformer.types or (), self._transformer.formats)

    def _send(self) -> list[_Expected]:
        expected: list[_Expected] = []
        known = dict(self._prepared.names) if self._preparing and self._lasting else {}
        worth = self._worth_preparing(known)
        for place, (text, parameters, types, formats) in enumerate(self._queries):
            shape = (text, types)
            name = known.get(shape)
            if name is None and shape in worth:
                name = known[shape] = self._prepared.new_name()
                self._pgconn.send_prepare(name, text, list(types) or None)
                expected.append(_Expected(place, shape, name))
            if name is None:
                self._pgconn.send_query_params(text, parameters, list(types) or None, formats)
            else:
                self._pgconn.send_query_prepared(name, parameters, formats)
            expected.append(_Expected(place, shape))
        if not self._lasting:
            for name in known.values():
                self._pgconn.send_query_params(b"DEALLOCATE " + name, None)
                expected.append(_Expected(len(self._queries) - 1, (name, ()), name))
        return expected

    def _worth_preparing(self, known: Mapping[_Shape, bytes]) -> Collection[_Shape]:
        if not self._preparing:
            return ()
        shapes = [(query.text, query.types) for query in self._queries]
        if not self._lasting:
            return {shape for shape, number in Counter(shapes).items() if number > 1}
        new = [shape for shape in dict.fromkeys(shapes) if shape not in known]
        return set(new[: _MOST_PREPARED - len(known)])

    def _land(self, expected: Sequence[_Expected]) -> PQGen[Landing]:
        results: list[PGresult] = []
        refused: tuple[_Expected, PGresult] | None = None
        try:
            for each in expected:
                result = yield from fetch(self._pgconn)
                assert result is not None
                yield from fetch(self._pgconn)  # the end of the answer
                if result.status == pq.ExecStatus.FATAL_ERROR and refused is None:
                    refused = each, result
                elif result.status in _SUCCEEDED:
                    self._note(each, result, results)
            yield from fetch(self._pgconn)  # the end of the flight
        except psycopg.OperationalError:
            if refused is None:
                raise
        return self._refused(results, *refused) if refused is not None else Landing(results)

    def _note(self, answered: _Expected, result: PGresult, results: list[PGresult]) -> None:
        if answered.name is None:
            results.append(result)
        elif self._lasting:
            self._prepared.names[answered.shape] = answered.name

    def _refused(self, results: Sequence[PGresult], answered: _Expected, result: PGresult) -> Landing:
        error = psycopg.errors.error_from_result(result, self._encoding)
        landing = Landing(results, answered.place, error)
        if landing.forgotten:
            self._prepared.names.clear()
        self._prepared.names.pop(answered.shape, None)  # what its plan was made for may have changed
        return landing
