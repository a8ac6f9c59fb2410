"""For `env.py` of an application: runs its migrations, after the event store's, and lets others leave them alone."""

from __future__ import annotations

from sequent_sa.alembic.view_history import run_migrations, without_tables_of

__all__ = ["run_migrations", "without_tables_of"]
