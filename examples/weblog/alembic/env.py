"""What Alembic runs: brings the event store up, then the view tables to where the revisions in versions/ say."""

from logging.config import fileConfig

from alembic import context
from sequent_sa.alembic import run_migrations

from weblog.app import app
from weblog.records import ViewRecord

# Only on Alembic's own command line: inside of the application, logging is the application's.
if context.config.cmd_opts is not None and context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

run_migrations(app.engine, target_metadata=ViewRecord.metadata)
