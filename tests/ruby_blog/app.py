"""The application that processes of their own run."""

from __future__ import annotations

from sequent_sa.configuration import Configuration
from tests.ruby_blog import TitleProjector, new_app

app = new_app(Configuration.load().database_url, TitleProjector)
