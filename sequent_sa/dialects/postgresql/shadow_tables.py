"""On PostgreSQL the twins live in a schema of their own, made from the catalog of the live tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Engine, cast, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from sequent_sa import tables
from sequent_sa.dialects.dialect import Doing, managed_by_others
from sequent_sa.dialects.postgresql import catalog, definitions, handover, optimizing, stand_ins
from sequent_sa.dialects.postgresql.catalog import quote, run
from sequent_sa.dialects.postgresql.locks import lock_tables
from sequent_sa.dialects.postgresql.schemas import (
    AFTERWARDS,
    ARCHIVE,
    DEFERRED,
    OPTIMIZE,
    REPLAY,
    SOURCES,
    SWAP,
    VIEW,
)
from sequent_sa.exceptions import ReplayError

_SECONDS_WITHOUT_WRITERS = 0.5
_COPY, _STAND_IN, _REMOVED = "copy", "stand-in", "removed"


class PostgreSQLShadowTables:
    """Twins in `replay_schema`. Going live moves the live tables to `archive_schema` and the twins into their place."""

    def __init__(self, engine: Engine, version_table: str) -> None:
        self._engine = engine
        self._version_table = version_table
        self._afterwards: list[str] = []

    def prepare(self, names: Collection[str], others: Collection[str], *, dependents: bool) -> Sequence[str]:
        with self._engine.begin() as connection:
            run(connection, [f"DROP SCHEMA IF EXISTS {REPLAY} CASCADE", f"CREATE SCHEMA {REPLAY}", *_BOOKKEEPING])
            run(connection, handover.default_privileges(connection, VIEW, REPLAY))
            copied = catalog.belonging_to(connection, VIEW, names)
            if lost := sorted(set(copied) & set(others)):
                raise ReplayError(managed_by_others(lost))
            catalog.refuse_what_cannot_be_copied(connection, VIEW, copied)
            self._copy(connection, copied)
            left = set(catalog.relations_in(connection, VIEW)) - {*copied, self._version_table}
            left -= catalog.views_among(connection, VIEW, left)
            self._note(connection, _STAND_IN, stand_ins.make(connection, VIEW, REPLAY, sorted(left)))
            self._note(connection, "dependents", {"allowed": str(dependents)})
            return catalog.publications(connection, VIEW, REPLAY, copied)

    @contextmanager
    def migrating(self, keep: Collection[str] = ()) -> Generator[Connection, None, None]:
        with self._mapped() as connection:
            yield connection
            noted = self._noted(connection, _STAND_IN)
            removed = stand_ins.remove(connection, REPLAY, VIEW, noted)
            self._note(connection, _REMOVED, dict.fromkeys(removed, ""))
            if self._noted(connection, "dependents")["allowed"] == "False":
                catalog.refuse_dependents(connection, VIEW, [*self._noted(connection, _COPY), *removed])
            self._defer(connection, keep)

    @contextmanager
    def loading(self) -> Generator[Connection, None, None]:
        with self._mapped() as connection:
            yield connection

    looking = loading

    def optimize(self, doing: Doing) -> None:
        with self._engine.connect() as connection:
            twins = self._twins(connection)
        optimizing.optimize(self._engine, twins, doing)

    @contextmanager
    def going_live(self, lock_timeout: float) -> Generator[Connection, None, None]:
        with self._engine.begin() as connection:
            modes = {tables.projector_states.fullname: "ACCESS EXCLUSIVE"}
            modes |= {f"{VIEW}.{quote(name)}": "SHARE ROW EXCLUSIVE" for name in self._replaced_tables(connection)}
            lock_tables(connection, modes, lock_timeout)
            yield connection

    @contextmanager
    def comparing(self) -> Generator[Connection, None, None]:
        connection = self._engine.connect().execution_options(isolation_level="REPEATABLE READ")
        with connection, connection.begin():
            yield connection

    @contextmanager
    def beside(self, live: Connection) -> Generator[Connection, None, None]:
        yield live

    places = (VIEW, REPLAY)

    def comparable(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(value, JSONB()) if isinstance(value.type, JSON) else value

    @contextmanager
    def loading_while_going_live(self, live: Connection) -> Generator[Connection, None, None]:
        with catalog.looking_in(live, REPLAY, VIEW, str(tables.metadata.schema)):
            yield live.execution_options(schema_translate_map={VIEW: REPLAY})
        live.execution_options(schema_translate_map={})

    def swap(
        self,
        live: Connection,
        migrate: Callable[[Connection], object],
        swapped: Callable[[Connection], object],
    ) -> None:
        twins, replaced = self._twins(live), self._replaced(live)
        self._refuse_changed(live)
        handover.continue_sequences(live, VIEW, REPLAY, twins)
        left = handover.set_aside(live, VIEW, ARCHIVE, replaced)
        taken = handover.taken_over(live, VIEW, REPLAY, [name for name in replaced if name in twins])
        anew = handover.made_anew(live, VIEW, replaced)
        modes = dict.fromkeys(handover.dependent_views(live, VIEW, replaced), "ACCESS EXCLUSIVE")
        modes |= {f"{VIEW}.{quote(name)}": "ACCESS EXCLUSIVE" for name in self._replaced_tables(live)}
        modes |= dict.fromkeys(live.scalars(_REFERRED), "SHARE ROW EXCLUSIVE")
        lock_tables(live, modes, _SECONDS_WITHOUT_WRITERS)
        run(live, [f"DROP SCHEMA IF EXISTS {ARCHIVE} CASCADE", f"CREATE SCHEMA {ARCHIVE}"])
        run(live, [f"ALTER TABLE {VIEW}.{quote(name)} SET SCHEMA {ARCHIVE}" for name in replaced])
        run(live, [f"ALTER TABLE {REPLAY}.{quote(name)} SET SCHEMA {VIEW}" for name in twins])
        run(live, left)
        with catalog.looking_in(live, VIEW):
            run(live, taken)
            run(live, live.scalars(_STATEMENTS, {"phase": SWAP}).all())
        self._afterwards = list(live.scalars(_STATEMENTS, {"phase": AFTERWARDS}))
        self._move_revision(live)
        swapped(live)
        with catalog.looking_in(live, VIEW):
            for each in handover.made_anew(live, ARCHIVE, replaced):  # those that were not made anew already
                _make_anew(live, anew[each])
        catalog.refuse_dependents(live, ARCHIVE, replaced)
        run(live, [f"DROP SCHEMA {REPLAY} CASCADE"])

    def discard(self) -> None:
        with self._engine.begin() as connection:
            run(connection, [f"DROP SCHEMA IF EXISTS {REPLAY} CASCADE"])
        # A foreign key holds for new rows already; the old ones are checked when nobody waits for it.
        for statement in self._afterwards:
            with self._engine.begin() as connection, catalog.looking_in(connection, VIEW):
                run(connection, [statement])
        self._afterwards.clear()

    @contextmanager
    def _mapped(self) -> Generator[Connection, None, None]:
        with self._engine.connect() as connection:
            mapped = connection.execution_options(schema_translate_map={VIEW: REPLAY})
            with mapped.begin():
                mapped.execute(_SEARCH_TWINS_FIRST)
                yield mapped

    def _copy(self, connection: Connection, names: Sequence[str]) -> None:
        found = definitions.definitions(connection, VIEW, names)
        keys = definitions.foreign_keys(connection, VIEW, names)
        statistics = definitions.statistics(connection, VIEW, REPLAY, names)
        with catalog.looking_in(connection, REPLAY, VIEW):
            run(connection, (each.statement for each in (*found, *statistics)))
            for key in keys:
                run(connection, key.creation)
        run(connection, handover.forget_default_privileges(connection, REPLAY))
        self._note(connection, _COPY, self._sources(connection, names))
        if catalog.exists(connection, VIEW, self._version_table):
            table = quote(self._version_table)
            run(
                connection,
                [
                    f"CREATE TABLE {REPLAY}.{table} (LIKE {VIEW}.{table} INCLUDING ALL)",
                    f"INSERT INTO {REPLAY}.{table} SELECT * FROM {VIEW}.{table}",
                ],
            )

    def _sources(self, connection: Connection, names: Sequence[str]) -> dict[str, str]:
        """What the definitions of live tables are, each as text."""
        found: dict[str, list[str]] = {name: [] for name in names}
        for each in (
            *definitions.definitions(connection, VIEW, names),
            *definitions.statistics(connection, VIEW, REPLAY, names),
        ):
            found[each.relation].append(each.statement)
        return {name: "\n".join(statements) for name, statements in found.items()}

    def _refuse_changed(self, live: Connection) -> None:
        prepared = self._noted(live, _COPY)
        now = self._sources(live, catalog.belonging_to(live, VIEW, prepared))
        changed = sorted(name for name in {*prepared, *now} if prepared.get(name) != now.get(name))
        if changed:
            raise ReplayError(
                f"the definition of {', '.join(changed)} was changed after the replay was prepared, which would be "
                "lost: change it back and go live, or end this replay with `sequent projectors replay abort` and begin "
                "again"
            )

    def _twins(self, connection: Connection) -> list[str]:
        ours = {self._version_table, DEFERRED, SOURCES}
        return [name for name in catalog.relations_in(connection, REPLAY) if name not in ours]

    def _replaced(self, connection: Connection) -> list[str]:
        """The live relations that are replaced or removed."""
        names = {*self._twins(connection), *self._noted(connection, _COPY), *self._noted(connection, _REMOVED)}
        return [name for name in catalog.relations_in(connection, VIEW) if name in names]

    def _replaced_tables(self, connection: Connection) -> list[str]:
        replaced = self._replaced(connection)
        return [name for name in replaced if name not in catalog.views_among(connection, VIEW, replaced)]

    def _defer(self, connection: Connection, keep: Collection[str]) -> None:
        """Do without foreign keys and secondary indexes while loading; `optimize` brings them back.

        Foreign keys to tables that are not rebuilt come back when going live: rows of the twins, which may be old, must
        not keep the application from deleting there.
        """
        twins = self._twins(connection)
        deferred = [
            index
            for index in definitions.secondary_indexes(connection, REPLAY, twins)
            if not any(fnmatchcase(index.name, pattern) for pattern in keep)
        ]
        deferred += definitions.foreign_keys(connection, REPLAY, twins)
        with catalog.looking_in(connection, REPLAY, VIEW):
            run(connection, [each.removal for each in deferred])
        for each in deferred:
            self._note_deferred(connection, each)

    @staticmethod
    def _note_deferred(connection: Connection, deferred: definitions.Deferrable) -> None:
        when = OPTIMIZE if deferred.elsewhere is None else SWAP
        rows = [
            {"phase": when, "statement": statement, "refers": deferred.elsewhere} for statement in deferred.creation
        ]
        if deferred.elsewhere is not None and deferred.validation is not None:
            rows[0]["statement"] = f"{rows[0]['statement']} NOT VALID"
            rows.append({"phase": AFTERWARDS, "statement": deferred.validation, "refers": None})
        connection.execute(_DEFER, rows)

    @staticmethod
    def _note(connection: Connection, role: str, names: Mapping[str, str]) -> None:
        if names:
            rows = [{"role": role, "name": name, "definition": definition} for name, definition in names.items()]
            connection.execute(_NOTE, rows)

    @staticmethod
    def _noted(connection: Connection, role: str) -> dict[str, str]:
        return {str(name): str(definition) for name, definition in connection.execute(_NOTED, {"role": role})}

    def _move_revision(self, live: Connection) -> None:
        if not catalog.exists(live, REPLAY, self._version_table):
            return
        table = quote(self._version_table)
        if catalog.exists(live, VIEW, self._version_table):
            run(
                live,
                [f"DELETE FROM {VIEW}.{table}", f"INSERT INTO {VIEW}.{table} SELECT * FROM {REPLAY}.{table}"],
            )
        else:
            run(live, [f"ALTER TABLE {REPLAY}.{table} SET SCHEMA {VIEW}"])


def _make_anew(connection: Connection, statement: str) -> None:
    try:
        run(connection, [statement])
    except DBAPIError as error:
        what = " ".join(statement.split()[:5])
        raise ReplayError(
            f"{what} uses a table that is replaced, and cannot use the new one: {error.orig}. Drop it before, or "
            "define `after_swap` in the projector to make it anew when going live"
        ) from error


_BOOKKEEPING = (
    f"CREATE TABLE {REPLAY}.{SOURCES} (role text, name text, definition text NOT NULL, PRIMARY KEY (role, name))",
    f"CREATE TABLE {REPLAY}.{DEFERRED} (number serial PRIMARY KEY, phase text NOT NULL, statement text NOT NULL, "
    "refers text)",
)
_NOTE = text(f"INSERT INTO {REPLAY}.{SOURCES} (role, name, definition) VALUES (:role, :name, :definition)")
_NOTED = text(f"SELECT name, definition FROM {REPLAY}.{SOURCES} WHERE role = :role ORDER BY name")
_DEFER = text(f"INSERT INTO {REPLAY}.{DEFERRED} (phase, statement, refers) VALUES (:phase, :statement, :refers)")
_STATEMENTS = text(f"SELECT statement FROM {REPLAY}.{DEFERRED} WHERE phase = :phase ORDER BY number")
_REFERRED = text(f"SELECT DISTINCT refers FROM {REPLAY}.{DEFERRED} WHERE refers IS NOT NULL ORDER BY refers")
_SEARCH_TWINS_FIRST = text(
    f"SELECT set_config('search_path', '{REPLAY}, {VIEW}, ' || current_setting('search_path'), true)"
)
