"""What autogenerate may see of a database, and how it writes our column types."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Generator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, cast

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, Engine, Numeric

from sequent_sa.database import configured
from sequent_sa.database.differences import differences_of
from sequent_sa.tables import ExactDecimal, UtcDateTime

ACTIVE_REPLAY = "replay_states_active_replay_idx"

IncludeName = Callable[[str | None, str, MutableMapping[Any, str | None]], bool]


@contextmanager
def comparing(engine: Engine) -> Generator[Connection]:
    """A connection for autogenerate. On SQLite the database is seen as `view_schema` and `sequent_schema` as well.

    So classes, tables and the revisions that are written name the same schemas on both databases.
    Raises `ConfigurationError` for an SQLite database in memory.
    """
    with (
        configured(engine).connect() as connection,
        differences_of(engine.dialect.name).comparing(connection) as compared,
    ):
        yield compared


@contextmanager
def without_warnings() -> Generator[None]:
    """Inside, SQLAlchemy does not warn that it cannot read the expression of the event store's own index back."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"Skipped unsupported reflection of expression-based index {ACTIVE_REPLAY}")
        yield


def only(connection: Connection, schema: str, without: Collection[str]) -> IncludeName:
    """A filter that lets autogenerate see one schema, without some tables, without partitions and what they inherit."""
    partitions, inherited = differences_of(connection.dialect.name).partitions(connection, schema)
    hidden = {*without, *partitions, "sqlite_sequence"}

    def include_name(name: str | None, type_: str, parents: MutableMapping[Any, str | None]) -> bool:
        if type_ == "schema":
            return name == schema
        if type_ == "table":
            return name not in hidden and not (name or "").startswith("_alembic_tmp_")
        if type_ == "foreign_key_constraint":
            return (parents.get("table_name"), name) not in inherited
        return True

    return include_name


def render_item(type_: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Write our column types as an application imports them."""
    if type_ == "type" and isinstance(item, UtcDateTime | ExactDecimal):
        context.imports.add("import sequent_sa")
        if isinstance(item, UtcDateTime):
            return "sequent_sa.UtcDateTime()"
        number = cast("Numeric[Any]", item.impl_instance)
        given = {"precision": number.precision, "scale": number.scale}
        arguments = ", ".join(f"{name}={value}" for name, value in given.items() if value is not None)
        return f"sequent_sa.ExactDecimal({arguments})"
    return False
