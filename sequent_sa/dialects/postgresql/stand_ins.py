"""Copies of the view tables that are not replayed, for the time of the pending migrations.

A migration may remove a table that no projector has any more; it finds a stand-in to remove. One that changes a table
which is not replayed would have to change the live one, and is refused.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from sequent_sa.dialects.dialect import stand_ins_changed
from sequent_sa.dialects.postgresql import catalog
from sequent_sa.dialects.postgresql.definitions import foreign_keys
from sequent_sa.exceptions import ReplayError


def make(connection: Connection, schema: str, target: str, names: Collection[str]) -> dict[str, str]:
    """Make stand-ins in the schema `target`; what each looks like."""
    for name in names:
        table = catalog.quote(name)
        catalog.run(connection, [f"CREATE TABLE {target}.{table} (LIKE {schema}.{table} INCLUDING ALL)"])
    return _signatures(connection, target, names)


def remove(connection: Connection, schema: str, live: str, stand_ins: dict[str, str]) -> list[str]:
    """Remove stand-ins; the names of those that were gone already. Foreign keys to them mean the live tables then.

    Raises `ReplayError` for those that were changed.
    """
    now = _signatures(connection, schema, stand_ins)
    changed = sorted(name for name, signature in now.items() if signature != stand_ins[name])
    if changed:
        raise ReplayError(stand_ins_changed(changed))
    copies = [name for name in catalog.relations_in(connection, schema) if name not in now]
    keys = [key for key in foreign_keys(connection, schema, copies) if key.elsewhere is not None]
    with catalog.looking_in(connection, schema):
        catalog.run(connection, [key.removal for key in keys])
        catalog.run(connection, [f"DROP TABLE {catalog.quote(name)}" for name in now])
    with catalog.looking_in(connection, schema, live):
        for key in keys:
            catalog.run(connection, key.creation)
    return sorted(set(stand_ins) - set(now))


def _signatures(connection: Connection, schema: str, names: Collection[str]) -> dict[str, str]:
    rows = connection.execute(_SIGNATURES, {"schema": schema, "names": list(names)})
    return {str(name): str(signature) for name, signature in rows}


_SIGNATURES = text("""
    SELECT c.relname, concat_ws(E'\\n',
        (SELECT string_agg(format('%s %s %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                           pg_get_expr(d.adbin, d.adrelid)), E'\\n' ORDER BY a.attnum)
           FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
        (SELECT string_agg(format('%s %s', k.conname, pg_get_constraintdef(k.oid)), E'\\n' ORDER BY k.conname)
           FROM pg_constraint k WHERE k.conrelid = c.oid),
        (SELECT string_agg(pg_get_indexdef(i.indexrelid), E'\\n' ORDER BY i.indexrelid)
           FROM pg_index i WHERE i.indrelid = c.oid),
        (SELECT string_agg(pg_get_triggerdef(g.oid), E'\\n' ORDER BY g.tgname)
           FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal),
        obj_description(c.oid, 'pg_class'))
      FROM pg_class c WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:names)
""")
