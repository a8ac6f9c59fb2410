"""Programs that measure; each prints events a second for SQLite and for PostgreSQL."""
