"""Who decides: aggregates change by applying events, and are rebuilt from them. Pure: no database."""
