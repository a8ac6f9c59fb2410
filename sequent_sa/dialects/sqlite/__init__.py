"""SQLite, through the driver of the standard library, or aiosqlite."""
