"""Tests of the schema: both histories, what the database itself guards, and making and dropping databases."""
