"""What Alembic runs: brings the event store up, then the view tables to where the revisions in versions/ say."""

from sequent_sa.alembic import run_migrations

from blog.app import app
from blog.records import ViewRecord

run_migrations(app.engine, target_metadata=ViewRecord.metadata)
