"""Reads a database's whole catalog, so that two databases can be compared."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

Catalog = dict[str, list[tuple[object, ...]]]

_SCHEMA = "n.nspname = 'sequent_schema'"

_POSTGRESQL = {
    "relations": f"""
        SELECT c.relname, c.relkind, c.relispartition, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_SCHEMA}""",
    "columns": f"""
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid)
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE {_SCHEMA} AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v')""",
    "constraints": f"""
        SELECT t.relname, k.conname, k.contype, pg_get_constraintdef(k.oid), k.conparentid <> 0
          FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE {_SCHEMA}""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'sequent_schema'",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'sequent_schema'",
    "functions": f"""
        SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE {_SCHEMA}""",
    "triggers": f"""
        SELECT c.relname, pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_SCHEMA} AND NOT g.tgisinternal""",
    "sequences": """
        SELECT sequencename, data_type::text, start_value, increment_by FROM pg_sequences
         WHERE schemaname = 'sequent_schema'""",
}
_SQLITE = {
    "objects": "SELECT type, name, tbl_name FROM sqlite_master",
    "columns": """
        SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
          FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.type IN ('table', 'view')""",
    "foreign keys": """
        SELECT t.name, k.seq, k."table", k."from", k."to", k.on_update, k.on_delete
          FROM sqlite_master t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table'""",
    "indexes": """
        SELECT t.name, i.name, i."unique", i.origin, i.partial, c.seqno, c.name, c.desc
          FROM sqlite_master t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) c WHERE t.type = 'table'""",
    "definitions": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL",
}


def catalog(engine: Engine, ignoring: str = "") -> Catalog:
    """Everything that the database knows about the event store, without the table called `ignoring` and what is its."""
    queries = _POSTGRESQL if engine.dialect.name == "postgresql" else _SQLITE
    with engine.connect() as connection:
        return {what: _rows(connection, query, ignoring) for what, query in queries.items()}


def _rows(connection: Connection, query: str, ignoring: str) -> list[tuple[object, ...]]:
    found = (tuple(_normal(value) for value in row) for row in connection.execute(text(query)))
    return sorted((row for row in found if not ignoring or ignoring not in repr(row)), key=repr)


def _normal(value: object) -> object:
    """SQL as it was written, apart from white space and from the words that make a statement repeatable."""
    return " ".join(value.replace("IF NOT EXISTS ", "").split()) if isinstance(value, str) else value
