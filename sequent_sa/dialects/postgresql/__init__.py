"""PostgreSQL 15 and later, through psycopg."""
