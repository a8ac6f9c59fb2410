"""What new tables take over from those that they replace, at the moment when they do: as SQL that the catalog writes.

Everything is read while the old tables are still in their place, and executed when the new ones are.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, TextClause, text

from sequent_sa.dialects.postgresql.catalog import looking_in, quote

_T = "WITH t AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relname = ANY(:names))"


def set_aside(connection: Connection, schema: str, archive: str, names: Collection[str]) -> list[str]:
    """What an old table must give up: its places in publications and, to the archive, its statistics objects."""
    return [
        *_read(connection, _LEAVE_PUBLICATIONS, schema, names, target=archive),
        *_read(connection, _MOVE_STATISTICS, schema, names, target=archive),
    ]


def taken_over(connection: Connection, schema: str, replay: str, names: Collection[str]) -> list[str]:
    """What new tables get from the old ones of the same name; to be executed after what `set_aside` says."""
    queries = (
        _STATISTICS_HOME,
        _OWNERS,
        _PRIVILEGES,
        _COLUMN_PRIVILEGES,
        _SEQUENCE_PRIVILEGES,
        _RULES,
        _TRIGGER_STATES,
        _ROW_SECURITY,
        _PUBLICATIONS,
    )
    return [each for query in queries for each in _read(connection, query, schema, names, target=replay)]


def made_anew(connection: Connection, schema: str, names: Collection[str]) -> dict[int, str]:
    """Views and functions anywhere that use these tables, by their oids: SQL that makes each use what is there then."""
    options = {"schema": schema, "names": list(names)}
    with looking_in(connection, schema):
        rows = [*connection.execute(_DEPENDENT_VIEWS, options), *connection.execute(_DEPENDENT_FUNCTIONS, options)]
    return {int(row[0]): str(row[1]) for row in rows}


def dependent_views(connection: Connection, schema: str, names: Collection[str]) -> list[str]:
    """The views that `made_anew` is about, as SQL names with their schemas."""
    return list(connection.scalars(_DEPENDENT_VIEW_NAMES, {"schema": schema, "names": list(names)}))


def forget_default_privileges(connection: Connection, schema: str) -> list[str]:
    """What takes back the privileges that tables got by being made; their owner keeps his."""
    return list(connection.scalars(_DEFAULT_PRIVILEGES, {"schema": schema}))


def default_privileges(connection: Connection, schema: str, target: str) -> list[str]:
    """What gives tables that this user makes in the schema `target` the privileges that they would get in `schema`."""
    return list(connection.scalars(_DEFAULT_PRIVILEGES_OF_SCHEMA, {"schema": schema, "target": target}))


def continue_sequences(connection: Connection, schema: str, replay: str, names: Collection[str]) -> None:
    """Let the sequences of columns go on behind every number that is in use, or was."""
    for row in connection.execute(_SEQUENCES, {"schema": schema, "replay": replay, "names": list(names)}).all():
        furthest = "greatest" if row.seqincrement > 0 else "least"
        reached = [f"(SELECT CASE WHEN is_called THEN last_value END FROM {each})" for each in row.sequences if each]
        if row.is_number:
            aggregate = "max" if row.seqincrement > 0 else "min"
            reached.append(f"(SELECT {aggregate}({quote(row.attname)}) FROM {row.twin})")
        connection.execute(
            text(
                f"SELECT setval(CAST(:sequence AS regclass), value) FROM (SELECT {furthest}({', '.join(reached)})) "
                "AS found(value) WHERE value BETWEEN :lowest AND :highest"
            ),
            {"sequence": row.sequences[0], "lowest": row.seqmin, "highest": row.seqmax},
        )


def _read(connection: Connection, query: TextClause, schema: str, names: Collection[str], **options: str) -> list[str]:
    with looking_in(connection, schema):
        return list(connection.scalars(query, {"schema": schema, "names": list(names), **options}))


_ROLE = "CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END"
_KNOWN = "(x.grantee = 0 OR EXISTS (SELECT 1 FROM pg_roles WHERE pg_roles.oid = x.grantee))"

_LEAVE_PUBLICATIONS = text(f"""
    {_T} SELECT format('ALTER PUBLICATION %I DROP TABLE %I.%I', p.pubname, CAST(:target AS text), t.relname)
      FROM t JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
     ORDER BY 1
""")
_MOVE_STATISTICS = text(f"""
    {_T} SELECT format('ALTER STATISTICS %I.%I SET SCHEMA %I', n.nspname, s.stxname, CAST(:target AS text))
      FROM t JOIN pg_statistic_ext s ON s.stxrelid = t.oid JOIN pg_namespace n ON n.oid = s.stxnamespace ORDER BY 1
""")
# Those of the copies are all in their schema; the old ones say where they belong, and view_schema is where new ones do.
_STATISTICS_HOME = text("""
    SELECT format('ALTER STATISTICS %I.%I SET SCHEMA %I', n.nspname, s.stxname, coalesce(home.nspname, CAST(:schema
        AS text)))
      FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace JOIN pg_class t ON t.oid = s.stxrelid
      LEFT JOIN LATERAL (
          SELECT h.nspname FROM pg_statistic_ext o JOIN pg_namespace h ON h.oid = o.stxnamespace
            JOIN pg_class c ON c.oid = o.stxrelid
           WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = t.relname AND o.stxname = s.stxname
      ) home ON true
     WHERE t.relnamespace = to_regnamespace(:target) AND cardinality(CAST(:names AS text[])) >= 0 ORDER BY 1
""")
_OWNERS = text(f"""
    {_T} SELECT format('ALTER TABLE %I OWNER TO %I', t.relname, pg_get_userbyid(t.relowner))
      FROM t JOIN pg_class n ON n.relnamespace = to_regnamespace(:target) AND n.relname = t.relname
     WHERE n.relowner <> t.relowner ORDER BY t.relname
""")
_PRIVILEGES = text(f"""
    {_T} SELECT statement FROM (
        SELECT relname, 1, format('REVOKE ALL ON TABLE %I FROM %I', relname, pg_get_userbyid(relowner))
          FROM t WHERE relacl IS NOT NULL
        UNION ALL
        SELECT t.relname, 2, format('GRANT %s ON TABLE %I TO %s%s', string_agg(x.privilege_type, ', ' ORDER BY
            x.privilege_type), t.relname,
                                    {_ROLE}, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
          FROM t, aclexplode(t.relacl) x WHERE {_KNOWN} GROUP BY t.relname, x.grantee, x.is_grantable
    ) AS found(relname, step, statement) ORDER BY relname, step, statement
""")
_COLUMN_PRIVILEGES = text(f"""
    {_T} SELECT format('GRANT %s (%I) ON TABLE %I TO %s%s', x.privilege_type, a.attname, t.relname, {_ROLE},
                       CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM t JOIN pg_attribute a ON a.attrelid = t.oid
      JOIN pg_class n ON n.relnamespace = to_regnamespace(:target) AND n.relname = t.relname
      JOIN pg_attribute b ON b.attrelid = n.oid AND b.attname = a.attname, aclexplode(a.attacl) x
     WHERE {_KNOWN} ORDER BY 1
""")
# A sequence is the one of a column, whatever it is called.
_SEQUENCE_PRIVILEGES = text(f"""
    {_T} SELECT format('GRANT %s ON SEQUENCE %I TO %s%s', x.privilege_type, q.relname, {_ROLE},
                       CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype IN ('a', 'i')
      JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
      JOIN pg_class n ON n.relnamespace = to_regnamespace(:target) AND n.relname = t.relname
      JOIN pg_attribute b ON b.attrelid = n.oid AND b.attname = a.attname
      JOIN pg_depend e ON e.refclassid = 'pg_class'::regclass AND e.refobjid = n.oid AND e.refobjsubid = b.attnum
       AND e.deptype IN ('a', 'i')
      JOIN pg_class q ON e.classid = 'pg_class'::regclass AND q.oid = e.objid AND q.relkind = 'S',
          aclexplode(s.relacl) x
     WHERE {_KNOWN} AND x.grantee <> s.relowner ORDER BY 1
""")
_RULES = text(f"""
    {_T} SELECT statement FROM (
        SELECT 1, pg_get_ruledef(r.oid, true) FROM t JOIN pg_rewrite r ON r.ev_class = t.oid
         WHERE t.relkind IN ('r', 'p') AND CAST(:target AS text) IS NOT NULL
        UNION ALL
        SELECT 2, format('ALTER TABLE ONLY %I %s RULE %I', t.relname, CASE r.ev_enabled WHEN 'D' THEN 'DISABLE'
                         WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, r.rulename)
          FROM t JOIN pg_rewrite r ON r.ev_class = t.oid WHERE t.relkind IN ('r', 'p') AND r.ev_enabled <> 'O'
    ) AS found(step, statement) ORDER BY step, statement
""")
_TRIGGER_STATES = text(f"""
    {_T} SELECT format('ALTER TABLE ONLY %I %s TRIGGER %I', t.relname, CASE g.tgenabled WHEN 'O' THEN 'ENABLE'
                  WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, g.tgname)
      FROM t JOIN pg_trigger g ON g.tgrelid = t.oid
      JOIN pg_class n ON n.relnamespace = to_regnamespace(:target) AND n.relname = t.relname
      JOIN pg_trigger o ON o.tgrelid = n.oid AND o.tgname = g.tgname
     WHERE t.relkind IN ('r', 'p') AND NOT g.tgisinternal AND g.tgenabled <> o.tgenabled ORDER BY 1
""")
_ROW_SECURITY = text(f"""
    {_T} SELECT format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relname)
      FROM t WHERE relrowsecurity AND CAST(:target AS text) IS NOT NULL
    UNION ALL SELECT format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relname) FROM t WHERE relforcerowsecurity
     ORDER BY 1
""")
_PUBLICATIONS = text(f"""
    {_T} SELECT format('ALTER PUBLICATION %I ADD TABLE ONLY %I%s%s', p.pubname, t.relname,
             ' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM unnest(r.prattrs) AS
                 k(number)
                        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')',
             ' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')')
      FROM t JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
     WHERE CAST(:target AS text) IS NOT NULL ORDER BY 1
""")

_VIEWS_OF = """
    SELECT DISTINCT v.oid FROM t
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid =
          'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
      JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' WHERE v.oid NOT IN (SELECT oid FROM t)
"""
_DEPENDENT_VIEW_NAMES = text(f"""
    {_T} SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid IN ({_VIEWS_OF}) ORDER BY 1
""")
_DEPENDENT_VIEWS = text(f"""
    {_T} SELECT c.oid, format('CREATE OR REPLACE VIEW %I.%I%s AS %s', n.nspname, c.relname,
                  ' WITH (' || (SELECT string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') +
                      1)), ', ')
                                  FROM unnest(c.reloptions) o) || ')', pg_get_viewdef(c.oid))
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN ({_VIEWS_OF}) ORDER BY c.oid
""")
_DEPENDENT_FUNCTIONS = text(f"""
    {_T} SELECT p.oid, pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.oid IN (
        SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass
           AND d.refobjid IN (SELECT oid FROM t)) ORDER BY p.oid
""")
_DEFAULT_PRIVILEGES = text(f"""
    SELECT format('REVOKE ALL ON %s %I.%I FROM %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                  c.relnamespace::regnamespace, c.relname, {_ROLE})
      FROM pg_class c, aclexplode(c.relacl) x
     WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p', 'v', 'S') AND x.grantee <> c.relowner
     GROUP BY c.oid, c.relkind, c.relnamespace, c.relname, x.grantee ORDER BY 1
""")
_DEFAULT_PRIVILEGES_OF_SCHEMA = text(f"""
    SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT %s ON %s TO %s%s', CAST(:target AS text),
        x.privilege_type,
                  CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END, {_ROLE},
                  CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM pg_default_acl d, aclexplode(d.defaclacl) x
     WHERE d.defaclnamespace = to_regnamespace(:schema) AND d.defaclobjtype IN ('r', 'S')
       AND pg_get_userbyid(d.defaclrole) = current_user AND {_KNOWN} ORDER BY 1
""")
_SEQUENCES = text("""
    WITH owned AS (
        SELECT c.relnamespace, c.relname, a.attname, s.oid::regclass::text AS name, q.*,
               format('%I.%I', c.relnamespace::regnamespace, c.relname) AS twin,
               a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) AS is_number
          FROM pg_class c
          JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')
          JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
          JOIN pg_sequence q ON q.seqrelid = s.oid
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid)
    SELECT own.*, ARRAY[own.name, live.name] AS sequences
      FROM owned own LEFT JOIN owned live ON live.relnamespace = to_regnamespace(:schema)
       AND live.relname = own.relname AND live.attname = own.attname
     WHERE own.relnamespace = to_regnamespace(:replay) AND own.relname = ANY(:names)
""")
