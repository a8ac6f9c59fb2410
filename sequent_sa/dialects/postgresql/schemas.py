"""Where a replay keeps its tables on PostgreSQL, and its notes about them."""

from __future__ import annotations

VIEW, REPLAY, ARCHIVE = "view_schema", "replay_schema", "archive_schema"

DEFERRED, SOURCES = "sequent_deferred", "sequent_sources"
"""The tables in `replay_schema` that say what is still to be made, and of what the twins are copies."""

OPTIMIZE, SWAP, AFTERWARDS = "optimize", "swap", "afterwards"
"""When the statements in `DEFERRED` are executed."""
