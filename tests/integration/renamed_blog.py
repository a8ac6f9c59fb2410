"""The blog with a renamed projector, as the command line finds it; the database is what DATABASE_URL says."""

from __future__ import annotations

from sequent_sa import Sequent
from tests import blog
from tests.integration.test_projector_commands import RenamedProjector

app = Sequent(
    command_handlers=[blog.PostCommandHandler], projectors=[RenamedProjector], workflows=[blog.WelcomeWorkflow]
)
