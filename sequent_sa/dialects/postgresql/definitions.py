"""What makes an empty copy of tables and views in another schema, as SQL that the catalog writes.

It is read with a search path in which the names have no schema, and executed where they mean the copies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from sequent_sa.dialects.postgresql.catalog import looking_in, quote


class Definition(NamedTuple):
    """One statement, and the relation that it is about."""

    relation: str
    statement: str


class Deferrable(NamedTuple):
    """An index or a foreign key that can be left out for a while: what makes it, and what removes it.

    A foreign key to a table elsewhere says which, as SQL; `validation` checks one that is made by `creation` with
    `NOT VALID` behind it, where that can be done.
    """

    name: str
    creation: Sequence[str]
    removal: str
    elsewhere: str | None = None
    validation: str | None = None


def definitions(connection: Connection, schema: str, names: Collection[str]) -> list[Definition]:
    """Everything that makes these relations anew, in order, but for their foreign keys."""
    found: list[Definition] = []
    with looking_in(connection, schema):
        for query in _DEFINITIONS:
            found += _definitions(connection, query, schema, names)
    return found


def foreign_keys(connection: Connection, schema: str, names: Collection[str]) -> list[Deferrable]:
    """The foreign keys of these tables, to each other and to tables elsewhere."""
    found: list[Deferrable] = []
    with looking_in(connection, schema):
        for row in connection.execute(_FOREIGN_KEYS, {"schema": schema, "names": list(names)}):
            creation = [each for each in (row.creation, row.comment) if each]
            found.append(Deferrable(row.name, creation, row.removal, row.elsewhere, row.validation))
    return found


def secondary_indexes(connection: Connection, schema: str, names: Collection[str]) -> list[Deferrable]:
    """The indexes that only make reading faster, with those of the partitions."""
    found: list[Deferrable] = []
    with looking_in(connection, schema):
        for row in connection.execute(_SECONDARY_INDEXES, {"schema": schema, "names": list(names)}):
            creation = list(connection.scalars(_INDEX, {"index": row.oid}))
            found.append(Deferrable(row.relname, creation, f"DROP INDEX IF EXISTS {quote(row.relname)}"))
    return found


def statistics(connection: Connection, schema: str, target: str, names: Collection[str]) -> list[Definition]:
    """What makes the statistics objects of these tables, in the schema `target`."""
    with looking_in(connection, schema):
        rows = connection.execute(_STATISTICS, {"schema": schema, "names": list(names), "target": target})
        return [Definition(row[0], row[1]) for row in rows]


def _definitions(connection: Connection, query: TextClause, schema: str, names: Collection[str]) -> list[Definition]:
    return [Definition(row[0], row[1]) for row in connection.execute(query, {"schema": schema, "names": list(names)})]


_T = "WITH t AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relname = ANY(:names))"
_OPTIONS = (
    "(SELECT string_agg(format('%s=%L', {prefix} || split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') "
    "FROM unnest({options}) o)"
)

_TABLES = text(f"""
    {_T}
    SELECT t.relname,
           format('CREATE %s TABLE %I (LIKE %I.%I INCLUDING ALL '
                  'EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING STATISTICS)',
                  CASE t.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE '' END, t.relname, CAST(:schema AS text),
                  t.relname)
           || coalesce(' PARTITION BY ' || CASE t.relkind WHEN 'p' THEN pg_get_partkeydef(t.oid) END, '')
           || coalesce(' USING ' || quote_ident(a.amname), '')
           || coalesce(' WITH (' || nullif(concat_ws(', ', {_OPTIONS.format(prefix="''", options="t.reloptions")},
                       {_OPTIONS.format(prefix="'toast.'", options="o.reloptions")}), '') || ')', '')
           || coalesce(' TABLESPACE ' || quote_ident(s.spcname), '')
      FROM t LEFT JOIN pg_am a ON a.oid = t.relam AND t.relkind = 'r'
                              AND a.amname <> current_setting('default_table_access_method')
      LEFT JOIN pg_class o ON o.oid = t.reltoastrelid
      LEFT JOIN pg_tablespace s ON s.oid = t.reltablespace
     WHERE t.relkind IN ('r', 'p') ORDER BY t.relname
""")
_COLUMNS = text(f"""
    {_T}
    SELECT t.relname, format('ALTER TABLE ONLY %I ALTER COLUMN %I SET STATISTICS %s', t.relname, a.attname,
                             a.attstattarget)
      FROM t JOIN pg_attribute a ON a.attrelid = t.oid
     WHERE t.relkind IN ('r', 'p') AND a.attstattarget >= 0 AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT t.relname, format('ALTER TABLE ONLY %I ALTER COLUMN %I SET (%s)', t.relname, a.attname,
                             {_OPTIONS.format(prefix="''", options="a.attoptions")})
      FROM t JOIN pg_attribute a ON a.attrelid = t.oid WHERE t.relkind IN ('r', 'p') AND a.attoptions IS NOT NULL
    UNION ALL
    SELECT t.relname, format('COMMENT ON TABLE %I IS %L', t.relname, obj_description(t.oid, 'pg_class'))
      FROM t WHERE t.relkind IN ('r', 'p') AND obj_description(t.oid, 'pg_class') IS NOT NULL
     ORDER BY 1, 2
""")
# A serial or identity column counts with a sequence that belongs to it; partitions get identities from their table.
_SEQUENCES = text(f"""
    {_T}, serial AS (
        SELECT t.relname, s.oid, s.relname AS name, a.attname, a.attidentity, format_type(q.seqtypid, NULL) AS of_type,
               format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START %s CACHE %s %s', q.seqincrement, q.seqmin,
                      q.seqmax, q.seqstart, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)
               AS options
          FROM t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
           AND d.deptype IN ('a', 'i')
          JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
          JOIN pg_sequence q ON q.seqrelid = s.oid
          JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid)
    SELECT relname, statement FROM (
        SELECT relname, 1, CASE attidentity
                 WHEN '' THEN format('CREATE SEQUENCE %I AS %s %s', name, of_type, options)
                 ELSE format('ALTER TABLE %I ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %I %s)',
                             relname, attname, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, name,
                             options) END
          FROM serial
        UNION ALL
        SELECT relname, 2, format('ALTER SEQUENCE %I OWNED BY %I.%I', name, relname, attname)
          FROM serial WHERE attidentity = ''
        UNION ALL
        SELECT relname, 3, format('COMMENT ON SEQUENCE %I IS %L', name, obj_description(oid, 'pg_class'))
          FROM serial WHERE obj_description(oid, 'pg_class') IS NOT NULL
        UNION ALL
        SELECT DISTINCT t.relname, 4, format('ALTER TABLE ONLY %I ALTER COLUMN %I SET DEFAULT %s', t.relname, a.attname,
                      pg_get_expr(e.adbin, e.adrelid))
          FROM t JOIN pg_attrdef e ON e.adrelid = t.oid
          JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid AND d.refclassid =
              'pg_class'::regclass
          JOIN serial ON serial.oid = d.refobjid
          JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = e.adnum
    ) AS found(relname, step, statement) ORDER BY step, relname, statement
""")
_PARTS = text(f"""
    {_T}
    SELECT c.relname, CASE WHEN c.relispartition
               THEN format('ALTER TABLE ONLY %I ATTACH PARTITION %I %s', p.relname, c.relname,
                           pg_get_expr(c.relpartbound, c.oid))
               ELSE format('ALTER TABLE ONLY %I INHERIT %I', c.relname, p.relname) END
      FROM pg_inherits i JOIN t c ON c.oid = i.inhrelid JOIN t p ON p.oid = i.inhparent ORDER BY c.relname, i.inhseqno
""")
_CONSTRAINTS = text(f"""
    {_T}
    SELECT t.relname, format('ALTER TABLE ONLY %I ADD CONSTRAINT %I %s', t.relname, k.conname,
        pg_get_constraintdef(k.oid))
      FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')
     ORDER BY t.relname, k.contype, k.conname
""")
_INDEXES = text(f"""
    {_T}
    SELECT t.relname, pg_get_indexdef(i.indexrelid, 0, true)
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
     WHERE (i.indisvalid OR x.relkind = 'I')
       AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY t.relname, x.relname
""")
_INDEX_PARTS = """
    SELECT t.relname, 1 + (x.relkind = 'I')::int,
           format('ALTER INDEX %I ATTACH PARTITION %I', p.relname, x.relname)
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
      JOIN pg_inherits h ON h.inhrelid = x.oid JOIN pg_class p ON p.oid = h.inhparent
"""
_INDEX_PROPERTIES = f"""
    SELECT t.relname, 3, format('ALTER INDEX %I SET TABLESPACE %I', x.relname, s.spcname)
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
      JOIN pg_tablespace s ON s.oid = x.reltablespace
    UNION ALL
    SELECT t.relname, 3, format('ALTER INDEX %I SET (%s)', x.relname, {
    _OPTIONS.format(prefix="''", options="x.reloptions")
})
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
      JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = t.oid WHERE x.reloptions IS NOT NULL
    UNION ALL
    SELECT t.relname, 3, format('ALTER INDEX %I ALTER COLUMN %s SET STATISTICS %s', x.relname, a.attnum,
        a.attstattarget)
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
      JOIN pg_attribute a ON a.attrelid = x.oid AND a.attstattarget >= 0
    UNION ALL
    SELECT t.relname, 3, format('COMMENT ON INDEX %I IS %L', x.relname, obj_description(x.oid, 'pg_class'))
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
     WHERE obj_description(x.oid, 'pg_class') IS NOT NULL
    UNION ALL
    SELECT t.relname, 4, format('ALTER TABLE ONLY %I CLUSTER ON %I', t.relname, x.relname)
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indisclustered
    UNION ALL
    SELECT t.relname, 4, format('ALTER TABLE ONLY %I REPLICA IDENTITY USING INDEX %I', t.relname, x.relname)
      FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
     WHERE i.indisreplident AND t.relreplident = 'i'
"""
_ALL_INDEX_PROPERTIES = text(f"""
    {_T}
    SELECT relname, statement FROM ({_INDEX_PARTS} UNION ALL {_INDEX_PROPERTIES} UNION ALL
        SELECT relname, 4, format('ALTER TABLE ONLY %I REPLICA IDENTITY %s', relname,
                                  CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
          FROM t WHERE relreplident IN ('f', 'n') AND relkind IN ('r', 'p')
        UNION ALL
        SELECT t.relname, 4, format('COMMENT ON CONSTRAINT %I ON %I IS %L', k.conname, t.relname,
                                    obj_description(k.oid, 'pg_constraint'))
          FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')
         WHERE obj_description(k.oid, 'pg_constraint') IS NOT NULL
    ) AS found(relname, step, statement) ORDER BY step, relname, statement
""")
_INDEX = text(f"""
    WITH RECURSIVE tree AS (
        SELECT CAST(:index AS oid) AS oid
        UNION ALL SELECT h.inhrelid FROM tree JOIN pg_inherits h ON h.inhparent = tree.oid
    ), pg_index AS (SELECT i.* FROM pg_catalog.pg_index i JOIN tree ON tree.oid = i.indexrelid),
    t AS (SELECT * FROM pg_class WHERE oid IN (SELECT indrelid FROM pg_index))
    SELECT statement FROM (
        SELECT t.relname, 0, pg_get_indexdef(i.indexrelid, 0, true) FROM t JOIN pg_index i ON i.indrelid = t.oid
        UNION ALL {_INDEX_PARTS} UNION ALL {_INDEX_PROPERTIES}
    ) AS found(relname, step, statement) ORDER BY step, relname, statement
""")
_SECONDARY_INDEXES = text(f"""
    {_T}
    SELECT x.oid, x.relname FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
     WHERE NOT i.indisunique AND NOT i.indisexclusion AND NOT x.relispartition
     ORDER BY t.relname, x.relname
""")
_FOREIGN_KEYS = text(f"""
    {_T}
    SELECT k.conname AS name,
           CASE WHEN k.confrelid NOT IN (SELECT oid FROM t) THEN format('%I.%I', n.nspname, r.relname) END AS elsewhere,
           CASE WHEN k.convalidated AND t.relkind = 'r'
                THEN format('ALTER TABLE %I VALIDATE CONSTRAINT %I', t.relname, k.conname) END AS validation,
           format('ALTER TABLE %I ADD CONSTRAINT %I %s', t.relname, k.conname, pg_get_constraintdef(k.oid)) AS creation,
           format('COMMENT ON CONSTRAINT %I ON %I IS ', k.conname, t.relname)
             || quote_literal(obj_description(k.oid, 'pg_constraint')) AS comment,
           format('ALTER TABLE %I DROP CONSTRAINT %I', t.relname, k.conname) AS removal
      FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
      JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace
     ORDER BY t.relname, k.conname
""")
_VIEWS = text(f"""
    {_T}
    SELECT relname, statement FROM (
        SELECT t.relname, 1, t.oid::bigint, format('CREATE VIEW %I%s AS %s', t.relname,
               coalesce(' WITH (' || {_OPTIONS.format(prefix="''", options="t.reloptions")} || ')', ''),
               pg_get_viewdef(t.oid))
          FROM t WHERE t.relkind = 'v'
        UNION ALL
        SELECT t.relname, 2, 0, format('COMMENT ON VIEW %I IS %L', t.relname, obj_description(t.oid, 'pg_class'))
          FROM t WHERE t.relkind = 'v' AND obj_description(t.oid, 'pg_class') IS NOT NULL
        UNION ALL
        SELECT t.relname, 2, 0, format('COMMENT ON COLUMN %I.%I IS %L', t.relname, a.attname,
                                       col_description(t.oid, a.attnum))
          FROM t JOIN pg_attribute a ON a.attrelid = t.oid
         WHERE t.relkind = 'v' AND col_description(t.oid, a.attnum) IS NOT NULL
        UNION ALL
        SELECT t.relname, 2, 0, format('ALTER VIEW %I ALTER COLUMN %I SET DEFAULT %s', t.relname, a.attname,
                                       pg_get_expr(e.adbin, e.adrelid))
          FROM t JOIN pg_attrdef e ON e.adrelid = t.oid
          JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = e.adnum WHERE t.relkind = 'v'
        UNION ALL
        SELECT t.relname, 2, 0, pg_get_ruledef(r.oid, true)
          FROM t JOIN pg_rewrite r ON r.ev_class = t.oid WHERE t.relkind = 'v' AND r.rulename <> '_RETURN'
    ) AS found(relname, step, number, statement) ORDER BY step, number, relname, statement
""")
# Only what makes the row itself happens while the copies are filled. What tells others comes back when going live.
_TRIGGERS = text(f"""
    {_T}, own AS (
        SELECT t.relname, t.relkind, g.oid, g.tgname, g.tgenabled,
               t.relkind = 'v' OR g.tgtype & 3 = 3 AS makes_row
          FROM t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal AND g.tgparentid = 0)
    SELECT relname, statement FROM (
        SELECT relname, 1, pg_get_triggerdef(oid, true) FROM own
        UNION ALL
        SELECT relname, 2, format('ALTER TABLE %I %s TRIGGER %I', relname, CASE WHEN NOT makes_row THEN 'DISABLE'
                  ELSE CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END
                      END,
                  tgname)
          FROM own WHERE relkind <> 'v' AND (NOT makes_row OR tgenabled <> 'O')
        UNION ALL
        SELECT relname, 2, format('COMMENT ON TRIGGER %I ON %I IS %L', tgname, relname, obj_description(oid,
            'pg_trigger'))
          FROM own WHERE obj_description(oid, 'pg_trigger') IS NOT NULL
    ) AS found(relname, step, statement) ORDER BY step, relname, statement
""")
_POLICIES = text(f"""
    {_T}, own AS (SELECT t.relname, p.* FROM t JOIN pg_policy p ON p.polrelid = t.oid)
    SELECT relname, format('CREATE POLICY %I ON %I AS %s FOR %s TO %s', polname, relname,
             CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
             CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                         ELSE 'ALL' END,
             (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
                FROM unnest(polroles) AS role))
           || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
           || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
      FROM own
    UNION ALL
    SELECT relname, format('COMMENT ON POLICY %I ON %I IS %L', polname, relname, obj_description(oid, 'pg_policy'))
      FROM own WHERE obj_description(oid, 'pg_policy') IS NOT NULL
     ORDER BY 2 DESC
""")
_STATISTICS = text(f"""
    {_T}, own AS (
        SELECT t.relname, s.oid, s.stxname, s.stxstattarget, pg_get_statisticsobjdef(s.oid) AS definition,
               length(format('CREATE STATISTICS %I.%I', n.nspname, s.stxname)) AS prefix
          FROM t JOIN pg_statistic_ext s ON s.stxrelid = t.oid JOIN pg_namespace n ON n.oid = s.stxnamespace)
    SELECT relname, statement FROM (
        SELECT relname, 1, format('CREATE STATISTICS %I.%I%s', CAST(:target AS text), stxname,
                                  substr(definition, prefix + 1)) FROM own
        UNION ALL
        SELECT relname, 2, format('ALTER STATISTICS %I.%I SET STATISTICS %s', CAST(:target AS text), stxname,
            stxstattarget)
          FROM own WHERE stxstattarget >= 0
        UNION ALL
        SELECT relname, 2, format('COMMENT ON STATISTICS %I.%I IS %L', CAST(:target AS text), stxname,
                                  obj_description(oid, 'pg_statistic_ext'))
          FROM own WHERE obj_description(oid, 'pg_statistic_ext') IS NOT NULL
    ) AS found(relname, step, statement) ORDER BY step, relname, statement
""")
_DEFINITIONS = (
    _TABLES,
    _COLUMNS,
    _SEQUENCES,
    _PARTS,
    _CONSTRAINTS,
    _INDEXES,
    _ALL_INDEX_PROPERTIES,
    _VIEWS,
    _TRIGGERS,
    _POLICIES,
)
