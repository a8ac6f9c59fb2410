"""Real databases for tests: a fresh, empty one for each test, on SQLite and on PostgreSQL."""

from tests.databases.database import Database, Databases
from tests.databases.postgresql import PostgreSQLDatabases
from tests.databases.server import PostgreSQLServer
from tests.databases.sqlite import SQLiteDatabases

__all__ = ["Database", "Databases", "PostgreSQLDatabases", "PostgreSQLServer", "SQLiteDatabases"]
