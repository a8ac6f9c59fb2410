"""Makes a connection's `schema_translate_map` hold for the statements of migrations too."""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from alembic.ddl.base import AlterTable
from sqlalchemy import Column, Connection, ForeignKeyConstraint, Table, TableClause, event
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import NullType

_COPY = "_alembic_tmp_"


@contextmanager
def translated_schemas(connection: Connection) -> Generator[None]:
    """Inside, ALTER TABLE statements and `sa.table(..., schema=...)` mean the schemas that the connection's map says.

    SQLAlchemy translates `Table` objects only. Literal SQL stays as it is.
    """
    event.listen(connection, "before_execute", _translate, retval=True)
    event.listen(ForeignKeyConstraint, "after_parent_attach", _add_referent)
    try:
        yield
    finally:
        event.remove(ForeignKeyConstraint, "after_parent_attach", _add_referent)
        event.remove(connection, "before_execute", _translate)


def _translate(
    connection: Connection, element: Any, multiparams: Any, params: Any, execution_options: Mapping[str, Any]
) -> tuple[Any, Any, Any]:
    options = {**connection.get_execution_options(), **execution_options}
    schemas: Mapping[str | None, str | None] = options.get("schema_translate_map") or {}
    if isinstance(element, AlterTable):
        if element.schema in schemas:
            element = copy.copy(element)
            element.schema = schemas[element.schema]
    elif isinstance(element, ClauseElement):
        for part in visitors.iterate(element):
            # Exactly this class: a Table is translated by SQLAlchemy.
            if type(part) is TableClause and part.schema in schemas:
                part._use_schema_map = True  # pyright: ignore[reportPrivateUsage] (there is no public way)
    return element, multiparams, params


def _add_referent(constraint: ForeignKeyConstraint, table: Table) -> None:
    # Batch mode copies the keys of a table with their schema, but the tables that they refer to as they were read
    # back: without one, where the map says so.
    if not table.name.startswith(_COPY):
        return
    for key in constraint.elements:
        *schema, name, column = key.target_fullname.split(".")
        referent = Table(name, table.metadata, schema=".".join(schema) or None, keep_existing=True)
        if column not in referent.c:
            referent.append_column(Column(column, NullType()))
