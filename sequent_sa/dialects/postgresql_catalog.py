"""Reading table definitions from PostgreSQL's catalog: SQLAlchemy's reflection would lose too much of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from psycopg.sql import Identifier
from sqlalchemy import Connection, text

from sequent_sa.exceptions import ReplayError


def quote(name: str) -> str:
    """An identifier as SQL."""
    return Identifier(name).as_string(None)


def exists(connection: Connection, schema: str, name: str) -> bool:
    """Whether there is a relation of this name."""
    found = connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{schema}.{quote(name)}"})
    return found is not None


def tables_in(connection: Connection, schema: str) -> list[str]:
    """The tables of a schema by name."""
    return list(
        connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY 1"), {"schema": schema}
        )
    )


def refuse_what_cannot_be_copied(connection: Connection, schema: str, names: Collection[str]) -> None:
    """Raise `ReplayError` that lists what a copy of these tables would lose, and what would lose the tables."""
    found = connection.scalars(_NOT_COPIED, {"schema": schema, "names": list(names)}).all()
    if found:
        raise ReplayError(f"these cannot be carried over by a replay yet: {'; '.join(found)}")


def copy_statements(connection: Connection, source: str, target: str, name: str) -> Iterator[str]:
    """What makes an empty copy of a table, without its foreign keys."""
    of = {"table": f"{source}.{quote(name)}"}
    copy = f"{target}.{quote(name)}"
    yield f"CREATE TABLE {copy} (LIKE {of['table']} INCLUDING ALL EXCLUDING INDEXES)"
    for sequence, column, of_type in connection.execute(_SERIALS, of):
        own = f"{target}.{quote(sequence)}"
        yield f"CREATE SEQUENCE {own} AS {of_type}"
        yield f"ALTER TABLE {copy} ALTER COLUMN {quote(column)} SET DEFAULT nextval('{own}')"
        yield f"ALTER SEQUENCE {own} OWNED BY {copy}.{quote(column)}"
    for options in connection.scalars(_OPTIONS, of):
        yield f"ALTER TABLE {copy} SET ({options})"
    for constraint, definition in connection.execute(_CONSTRAINTS, of):
        yield f"ALTER TABLE {copy} ADD CONSTRAINT {quote(constraint)} {definition}"
    for index, definition in connection.execute(_INDEXES, of):
        yield _moved(definition, f"{quote(index)} ON {of['table']} ", f"{quote(index)} ON {copy} ")
    for owner in connection.scalars(_OWNER, of):
        yield f"ALTER TABLE {copy} OWNER TO {quote(owner)}"
    for privilege, grantee, option in connection.execute(_GRANTS, of):
        yield f"GRANT {privilege} ON {copy} TO {grantee}{option}"


def foreign_key_statements(
    connection: Connection, source: str, target: str, name: str, copied: Collection[str]
) -> Iterator[str]:
    """What gives a copy its foreign keys, to the copies of other tables where there are such."""
    for constraint, found in connection.execute(_FOREIGN_KEYS, {"table": f"{source}.{quote(name)}"}):
        definition = str(found)
        for other in copied:
            definition = definition.replace(
                f" REFERENCES {source}.{quote_ident(connection, other)}(",
                f" REFERENCES {target}.{quote_ident(connection, other)}(",
            )
        yield f"ALTER TABLE {target}.{quote(name)} ADD CONSTRAINT {quote(constraint)} {definition}"


def deferrable(connection: Connection, schema: str, names: Collection[str]) -> list[tuple[str, str]]:
    """Secondary indexes and foreign keys of tables: what would make each again, and what removes it."""
    found: list[tuple[str, str]] = []
    for name in names:
        table = f"{schema}.{quote(name)}"
        for index, definition in connection.execute(_SECONDARY_INDEXES, {"table": table}):
            found.append((definition, f"DROP INDEX {schema}.{quote(index)}"))
        for constraint, definition in connection.execute(_FOREIGN_KEYS, {"table": table}):
            add = f"ALTER TABLE {table} ADD CONSTRAINT {quote(constraint)} {definition}"
            found.append((add, f"ALTER TABLE {table} DROP CONSTRAINT {quote(constraint)}"))
    return found


def quote_ident(connection: Connection, name: str) -> str:
    """An identifier as the server prints it: quoted only where it must be."""
    return str(connection.scalar(text("SELECT quote_ident(:name)"), {"name": name}))


def _moved(definition: str, old: str, new: str) -> str:
    # The server prints identifiers quoted only where they must be.
    plain_old, plain_new = old.replace('"', ""), new.replace('"', "")
    for before, after in ((old, new), (plain_old, plain_new)):
        if before in definition:
            return definition.replace(before, after, 1)
    raise ReplayError(f"the index definition {definition!r} cannot be carried over")


_NOT_COPIED = text("""
    SELECT format('%I is not an ordinary table', c.relname)
      FROM pg_class c WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:names) AND c.relkind <> 'r'
    UNION ALL
    SELECT format('trigger %I on %I', t.tgname, c.relname)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:names) AND NOT t.tgisinternal
    UNION ALL
    SELECT format('row-level security on %I', c.relname)
      FROM pg_class c
     WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:names) AND c.relrowsecurity
    UNION ALL
    SELECT format('inheritance of %I', c.relname)
      FROM pg_inherits i JOIN pg_class c ON c.oid IN (i.inhrelid, i.inhparent)
     WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:names)
    UNION ALL
    SELECT format('foreign key %I of %s, which is not rebuilt, to %I', k.conname, k.conrelid::regclass, c.relname)
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_class o ON o.oid = k.conrelid
     WHERE k.contype = 'f' AND c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:names)
       AND NOT (o.relnamespace = c.relnamespace AND o.relname = ANY(:names))
""")
_SERIALS = text("""
    SELECT s.relname, a.attname, format_type(q.seqtypid, NULL)
      FROM pg_depend d
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_sequence q ON q.seqrelid = s.oid
      JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.refobjid = to_regclass(:table) AND d.deptype = 'a' AND d.classid = 'pg_class'::regclass
""")
_OPTIONS = text("""
    SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = to_regclass(:table) AND reloptions IS NOT NULL
""")
_CONSTRAINTS = text("""
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid = to_regclass(:table) AND contype IN ('p', 'u', 'x') ORDER BY contype, conname
""")
_FOREIGN_KEYS = text("""
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid = to_regclass(:table) AND contype = 'f' ORDER BY conname
""")
_INDEXES = text("""
    SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = to_regclass(:table)
       AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY c.relname
""")
_SECONDARY_INDEXES = text("""
    SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = to_regclass(:table) AND NOT i.indisunique AND NOT i.indisexclusion ORDER BY c.relname
""")
_OWNER = text("""
    SELECT pg_get_userbyid(relowner) FROM pg_class
     WHERE oid = to_regclass(:table) AND pg_get_userbyid(relowner) <> current_user
""")
_GRANTS = text("""
    SELECT x.privilege_type, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
           CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
      FROM pg_class c, aclexplode(c.relacl) x
     WHERE c.oid = to_regclass(:table) AND x.grantee <> c.relowner
""")
