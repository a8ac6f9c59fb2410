"""Reads what PostgreSQL knows about the view schema, to be compared before and after a replay; and changes it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

_T = "t.relnamespace = 'view_schema'::regnamespace"
_ACL = "(SELECT array_agg(a::text ORDER BY a::text) FROM unnest({acl}) a)"

_QUERIES = {
    "relations": f"""
        SELECT t.relname, t.relkind, t.relpersistence, t.relreplident, t.relrowsecurity, t.relforcerowsecurity,
               t.reloptions, o.reloptions, pg_get_userbyid(t.relowner), pg_get_partkeydef(t.oid),
               pg_get_expr(t.relpartbound, t.oid), obj_description(t.oid, 'pg_class'), t.relhastriggers, t.relhasrules
          FROM pg_class t LEFT JOIN pg_class o ON o.oid = t.reltoastrelid WHERE {_T} AND t.relkind <> 'S'""",
    "columns": f"""
        SELECT t.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
               a.attcollation::regcollation, a.attstorage, a.attcompression, greatest(a.attstattarget, -1),
               a.attoptions, pg_get_expr(d.adbin, d.adrelid), col_description(t.oid, a.attnum),
               {_ACL.format(acl="a.attacl")}, a.attinhcount, a.attislocal
          FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
          LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
         WHERE {_T} AND a.attnum > 0 AND NOT a.attisdropped AND t.relkind <> 'S'""",
    "privileges": f"""
        SELECT t.relname, {_ACL.format(acl="coalesce(t.relacl, acldefault(kind, t.relowner))")}
          FROM pg_class t CROSS JOIN LATERAL (SELECT (CASE t.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char") k(kind)
         WHERE {_T} AND t.relkind IN ('r', 'p', 'v', 'S')""",
    "constraints": f"""
        SELECT t.relname, k.conname, k.contype, pg_get_constraintdef(k.oid), k.convalidated, k.conparentid <> 0,
               k.coninhcount, k.conislocal, obj_description(k.oid, 'pg_constraint')
          FROM pg_class t JOIN pg_constraint k ON k.conrelid = t.oid WHERE {_T} AND k.contype <> 't'""",
    "indexes": f"""
        SELECT t.relname, x.relname, pg_get_indexdef(i.indexrelid), i.indisclustered, i.indisreplident, i.indisvalid,
               x.reloptions, obj_description(x.oid, 'pg_class'), h.inhparent::regclass::text,
               (SELECT array_agg(a.attstattarget ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = x.oid
                   AND a.attstattarget >= 0)
          FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
          LEFT JOIN pg_inherits h ON h.inhrelid = x.oid WHERE {_T}""",
    "parts": f"""
        SELECT t.relname, i.inhparent::regclass::text, i.inhseqno
          FROM pg_class t JOIN pg_inherits i ON i.inhrelid = t.oid WHERE {_T} AND t.relkind IN ('r', 'p')""",
    "triggers": f"""
        SELECT t.relname, g.tgname, pg_get_triggerdef(g.oid), g.tgenabled, g.tgparentid <> 0,
               obj_description(g.oid, 'pg_trigger')
          FROM pg_class t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE {_T} AND NOT g.tgisinternal""",
    "policies": "SELECT * FROM pg_policies WHERE schemaname = 'view_schema'",
    "policy comments": f"""
        SELECT t.relname, p.polname, obj_description(p.oid, 'pg_policy')
          FROM pg_class t JOIN pg_policy p ON p.polrelid = t.oid WHERE {_T}""",
    "rules": f"""
        SELECT t.relname, pg_get_ruledef(r.oid), r.ev_enabled
          FROM pg_class t JOIN pg_rewrite r ON r.ev_class = t.oid WHERE {_T}""",
    "statistics": f"""
        SELECT t.relname, pg_get_statisticsobjdef(s.oid), greatest(s.stxstattarget, -1),
               obj_description(s.oid, 'pg_statistic_ext')
          FROM pg_class t JOIN pg_statistic_ext s ON s.stxrelid = t.oid WHERE {_T}""",
    "sequences": f"""
        SELECT t.relname, format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache,
               q.seqcycle, pg_get_userbyid(t.relowner), obj_description(t.oid, 'pg_class'),
               d.refobjid::regclass::text, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = d.refobjid
                                              AND a.attnum = d.refobjsubid), d.deptype
          FROM pg_class t JOIN pg_sequence q ON q.seqrelid = t.oid
          LEFT JOIN pg_depend d ON d.objid = t.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
         WHERE {_T}""",
    "publications": "SELECT * FROM pg_publication_tables",
    "views elsewhere": "SELECT * FROM pg_views WHERE schemaname = 'reporting'",
    "functions elsewhere": """
        SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = to_regnamespace('reporting')""",
}


def run(engine: Engine, *statements: str) -> None:
    """Execute SQL, percent signs included."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def view_catalog(connection: Connection) -> dict[str, list[str]]:
    """Everything that the database knows about the view schema, each line as text."""
    return {
        what: sorted(str(tuple(row)) for row in connection.execute(text(query))) for what, query in _QUERIES.items()
    }
