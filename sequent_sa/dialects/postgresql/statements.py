"""The statements of a burst that only PostgreSQL needs, or can do better."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from sequent_sa.dialects.statement import Statement
from sequent_sa.tables import SCHEMA, aggregates, projector_states

FEW_EVENTS = 10


def _insert_events(rows: str, type_id: str) -> Statement:
    # One statement for all events of an aggregate: a flight costs the same, but each statement has its price.
    return Statement(
        text(f"""
INSERT INTO {SCHEMA}.events (
    aggregate_id, partition_key, sequence_number, created_at, command_id, event_type_id, event_json
)
SELECT CAST(:aggregate_id AS uuid),
       (SELECT a.events_partition_key FROM {SCHEMA}.aggregates a WHERE a.aggregate_id = CAST(:aggregate_id AS uuid)),
       e.number, e.moment, currval('{SCHEMA}.commands_id_seq'), {type_id}, CAST(e.data AS jsonb)
  FROM {rows}""")
    )


INSERT_EVENTS = _insert_events(
    f"""unnest(CAST(:numbers AS integer[]), CAST(:moments AS timestamptz[]), CAST(:types AS text[]),
              CAST(:data AS text[])) AS e (number, moment, type, data)
  LEFT JOIN {SCHEMA}.event_types t ON t.type = e.type""",
    "t.id",
)


@cache
def insert_few_events(number: int) -> Statement:
    """Inserts so many events of an aggregate, up to `FEW_EVENTS`, with less work for the server.

    The planner knows how many there are, and looks each type up; with arrays it has all types read and hashed.
    """
    rows = ", ".join(
        f"(CAST(:number_{n} AS integer), CAST(:moment_{n} AS timestamptz), CAST(:type_{n} AS text), :data_{n})"
        for n in range(number)
    )
    return _insert_events(
        f"(VALUES {rows}) AS e (number, moment, type, data)",
        f"(SELECT t.id FROM {SCHEMA}.event_types t WHERE t.type = e.type)",
    )


# Arrays travel as text: the driver would ask each item for its type.
IDS = cast(bindparam("aggregate_ids", type_=Text()), ARRAY(Uuid()))

# What a planner can see it plans for, each time anew where that seems cheaper to carry out: with partitions it always
# does, and then planning takes longer than all the rest. It does not look into this.
ONE_ID = select(bindparam("aggregate_id", type_=Uuid())).scalar_subquery()


def _lock(which: ColumnElement[bool]) -> Select[UUID]:
    return (
        select(aggregates.c.aggregate_id)
        .where(which)
        .order_by(aggregates.c.aggregate_id)
        .with_for_update(key_share=True)
    )


_id = bindparam("aggregate_id", type_=Uuid())
_lock_one = _lock(aggregates.c.aggregate_id == _id)

LOCK_AGGREGATES = Statement(_lock(aggregates.c.aggregate_id == any_(IDS)))
# With an array, whose length it does not know beforehand, the planner would plan each execution anew.
LOCK_AGGREGATE = Statement(_lock_one)

# The lock is taken to work out what the function is called with, so that it sees what was committed meanwhile.
CHECK_VERSION = Statement(
    select(
        func.sequent_schema.check_version(
            func.coalesce(_lock_one.scalar_subquery(), _id),
            bindparam("version", type_=Integer()),
        )
    )
)

WRONG_ISOLATION = "sequent: isolation level "

# What is no number cannot be cast to one, so this raises unless the level is the one that the store needs.
CHECK_ISOLATION = f"""
SELECT CAST(CASE current_setting('transaction_isolation') WHEN 'read committed' THEN '0'
            ELSE '{WRONG_ISOLATION}' || current_setting('transaction_isolation') END AS integer)"""


def _constant(value: str) -> ColumnElement[str]:
    # As a parameter it would be sent each time.
    return literal_column(f"'{value}'", Text())


PROJECTORS_CHANGED = "sequent: the states of projectors changed"

_states = projector_states.c
_stored_states = select(
    func.coalesce(
        func.string_agg(
            func.concat(
                _states.name, _constant(":"), _states.active_version, _constant(":"), _states.activating_version
            ),
            aggregate_order_by(_constant(","), _states.name.collate("C")),
        ),
        _constant(""),
    )
).scalar_subquery()

# The same trick: this raises exactly when the states are others.
CHECK_PROJECTORS = Statement(
    select(
        cast(
            case(
                (_stored_states == bindparam("states", type_=Text()), _constant("0")),
                else_=_constant(PROJECTORS_CHANGED),
            ),
            Integer(),
        )
    )
)


def array_of(items: Iterable[object]) -> str:
    """An array of things whose text has no quotes, commas or braces, as PostgreSQL writes it."""
    return "{" + ",".join(map(str, items)) + "}"


def array_of_texts(texts: Iterable[str]) -> str:
    """An array of texts, as PostgreSQL writes it."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def estimated_rows(connection: Connection, statement: Select[*tuple[Any, ...]]) -> int:
    """How many rows the planner expects, which knows the size of the files also before the first ANALYZE."""
    compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
    (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}").scalar_one()
    return int(plan["Plan"]["Plan Rows"])
