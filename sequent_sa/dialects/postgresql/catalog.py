"""Looking things up in PostgreSQL's catalog: SQLAlchemy's reflection would lose too much of them."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager

from psycopg.sql import Identifier
from sqlalchemy import Connection, TextClause, text

from sequent_sa.exceptions import ReplayError


def quote(name: str) -> str:
    """An identifier as SQL."""
    return Identifier(name).as_string(None)


def run(connection: Connection, statements: Iterable[str]) -> None:
    """Execute SQL as it is, percent signs included."""
    for statement in statements:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


@contextmanager
def looking_in(connection: Connection, *schemas: str) -> Generator[None, None, None]:
    """Inside, names without a schema mean what these schemas have, and the server prints such names without one.

    What is read with one search path and executed with another therefore means the same in another schema.
    """
    before = connection.scalar(text("SELECT current_setting('search_path')"))
    connection.execute(_SEARCH, {"path": ", ".join(map(quote, schemas))})
    yield
    connection.execute(_SEARCH, {"path": before})


def exists(connection: Connection, schema: str, name: str) -> bool:
    """Whether there is a relation of this name."""
    found = connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{quote(schema)}.{quote(name)}"})
    return found is not None


def relations_in(connection: Connection, schema: str) -> list[str]:
    """The tables, partitions and views of a schema by name; views come last, in the order of their creation."""
    return list(connection.scalars(_RELATIONS, {"schema": schema}))


def views_among(connection: Connection, schema: str, names: Collection[str]) -> set[str]:
    """Which of these relations are views."""
    return set(connection.scalars(_VIEWS, {"schema": schema, "names": list(names)}))


def belonging_to(connection: Connection, schema: str, names: Collection[str]) -> list[str]:
    """Those relations of these names that exist, with their partitions and children, and the tables below views."""
    return list(connection.scalars(_BELONGING, {"schema": schema, "names": list(names)}))


def refuse_what_cannot_be_copied(connection: Connection, schema: str, names: Collection[str]) -> None:
    """Raise `ReplayError` that lists what a copy of these relations would lose."""
    _refuse(connection, _NOT_COPIED, schema, names, "these cannot be carried over by a replay")


def publications(connection: Connection, schema: str, replay: str, names: Collection[str]) -> list[str]:
    """What a replay of these tables means for whoever subscribes to them, in sentences."""
    return list(connection.scalars(_PUBLICATIONS, {"schema": schema, "replay": replay, "names": list(names)}))


def refuse_dependents(connection: Connection, schema: str, names: Collection[str]) -> None:
    """Raise `ReplayError` that lists what else in the database uses these relations."""
    _refuse(
        connection,
        _DEPENDENTS,
        schema,
        names,
        "something else in the database uses a table that is replaced. Drop it before, or define `after_swap` in the "
        "projector to make it anew when going live",
    )


def _refuse(connection: Connection, query: TextClause, schema: str, names: Collection[str], message: str) -> None:
    with looking_in(connection, schema):
        found = connection.scalars(query, {"schema": schema, "names": list(names)}).all()
    if found:
        raise ReplayError(f"{message}: {'; '.join(sorted(set(found)))}")


_SEARCH = text("SELECT set_config('search_path', :path, true)")
_RELATIONS = text("""
    SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p', 'v')
     ORDER BY relkind = 'v', CASE relkind WHEN 'v' THEN oid::bigint END, relname
""")
_VIEWS = text("""
    SELECT relname FROM pg_class
     WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'v' AND relname = ANY(:names)
""")
_BELONGING = text("""
    WITH RECURSIVE found(oid) AS (
        SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relname = ANY(:names)
        UNION
        SELECT next.oid FROM found CROSS JOIN LATERAL (
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = found.oid
            UNION ALL
            SELECT d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
               AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
             WHERE r.ev_class = found.oid AND r.rulename = '_RETURN'
        ) AS next(oid) JOIN pg_class c ON c.oid = next.oid
         WHERE c.relnamespace = to_regnamespace(:schema) OR EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid)
    )
    SELECT c.relname FROM found JOIN pg_class c USING (oid)
     ORDER BY c.relkind = 'v', CASE c.relkind WHEN 'v' THEN c.oid::bigint END, c.relname
""")
_NOT_COPIED = text("""
    WITH t AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relname = ANY(:names))
    SELECT format('%I is neither a table nor a view', relname) FROM t WHERE relkind NOT IN ('r', 'p', 'v')
    UNION ALL
    SELECT format('%I is a table of type %s', relname, format_type(reloftype, NULL)) FROM t WHERE reloftype <> 0
    UNION ALL
    SELECT format('%I is a part of %s, which is not rebuilt', t.relname, i.inhparent::regclass)
      FROM t JOIN pg_inherits i ON i.inhrelid = t.oid WHERE i.inhparent NOT IN (SELECT oid FROM t)
    UNION ALL
    SELECT format('%s, a part of %I, is in another schema', i.inhrelid::regclass, t.relname)
      FROM t JOIN pg_inherits i ON i.inhparent = t.oid WHERE i.inhrelid NOT IN (SELECT oid FROM t)
    UNION ALL
    SELECT format('publication %I, of which %I is a part, belongs to %I, for whom this user cannot act', p.pubname,
                  t.relname, pg_get_userbyid(p.pubowner))
      FROM t JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
     WHERE NOT pg_has_role(p.pubowner, 'USAGE')
    UNION ALL
    SELECT format('security label on %I', t.relname) FROM t JOIN pg_seclabel s ON s.objoid = t.oid
    UNION ALL
    SELECT format('%I belongs to the extension %I', t.relname, e.extname)
      FROM t JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e'
      JOIN pg_extension e ON e.oid = d.refobjid
""")
_REFRESH = """': what is loaded is not published, and when this goes live each subscriber needs '
                  'ALTER SUBSCRIPTION ... REFRESH PUBLICATION'"""
_PUBLICATIONS = text(f"""
    SELECT format('publication %I has %s'
                  {_REFRESH}, p.pubname, string_agg(t.relname, ', ' ORDER BY t.relname))
      FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class t ON t.oid = r.prrelid
     WHERE t.relnamespace = to_regnamespace(:schema) AND t.relname = ANY(:names) GROUP BY p.oid, p.pubname
    UNION ALL
    SELECT format('publication %I is of all tables, so that it publishes the copies as well: a subscriber needs tables '
                  'of these names in %I, or fails', p.pubname, CAST(:replay AS text))
      FROM pg_publication p WHERE p.puballtables
    UNION ALL
    SELECT format('publication %I is of all tables in %I'
                  {_REFRESH}, p.pubname, CAST(:schema AS text))
      FROM pg_publication p JOIN pg_publication_namespace n ON n.pnpubid = p.oid
     WHERE n.pnnspid = to_regnamespace(:schema)
     ORDER BY 1
""")
# Plain views and functions are made anew when going live, and publications get the new tables.
_DEPENDENTS = text("""
    WITH t AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relname = ANY(:names)),
    part AS (
        SELECT 'pg_class'::regclass::oid AS classid, oid FROM t
        UNION ALL SELECT 'pg_type'::regclass, y.oid FROM t JOIN pg_type y ON y.oid = t.reltype
        UNION ALL SELECT 'pg_type'::regclass, y.typarray FROM t JOIN pg_type y ON y.oid = t.reltype
        UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM t JOIN pg_index i ON i.indrelid = t.oid
        UNION ALL SELECT 'pg_class'::regclass, d.objid FROM t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
           AND d.refobjid = t.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        UNION ALL SELECT 'pg_class'::regclass, reltoastrelid FROM t
        UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM t JOIN pg_constraint k ON k.conrelid = t.oid
        UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM t JOIN pg_attrdef a ON a.adrelid = t.oid
        UNION ALL SELECT 'pg_trigger'::regclass, g.oid FROM t JOIN pg_trigger g ON g.tgrelid = t.oid
        UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM t JOIN pg_rewrite r ON r.ev_class = t.oid
        UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM t JOIN pg_policy p ON p.polrelid = t.oid
        UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM t JOIN pg_statistic_ext s ON s.stxrelid = t.oid
    )
    SELECT CASE WHEN k.contype = 'f'
                THEN format('foreign key %I of %s, which is not rebuilt, to %s', k.conname, k.conrelid::regclass,
                            k.confrelid::regclass)
                WHEN v.oid IS NOT NULL THEN format('%s %s', CASE v.relkind WHEN 'm' THEN 'materialized view'
                            WHEN 'v' THEN 'view' ELSE 'a rule of the table' END, v.oid::regclass)
                ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END
      FROM pg_depend d
      JOIN part ON part.classid = d.refclassid AND part.oid = d.refobjid
      LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
      LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      LEFT JOIN pg_class v ON v.oid = r.ev_class
      LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
     WHERE d.deptype = 'n'
       AND NOT EXISTS (SELECT 1 FROM part own WHERE own.classid = d.classid AND own.oid = d.objid)
       AND d.classid <> 'pg_publication_rel'::regclass
       AND g.tgisinternal IS NOT TRUE
       AND (d.refclassid = 'pg_type'::regclass OR NOT (v.relkind IS NOT DISTINCT FROM 'v' AND r.rulename = '_RETURN'))
       AND NOT (d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_proc'::regclass)
""")
