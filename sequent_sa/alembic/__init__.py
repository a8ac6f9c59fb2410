"""For `env.py` of an application: runs its migrations, after the event store's."""

from __future__ import annotations

from sequent_sa.alembic.view_history import run_migrations

__all__ = ["run_migrations"]
