"""What Alembic's command line runs for the event store's own history."""

from logging.config import fileConfig

from alembic import context

from sequent_sa.alembic.event_store_history import run_migrations

if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

run_migrations()
