"""The blog as the command line finds it; the database is what DATABASE_URL says."""

from __future__ import annotations

from sequent_sa import Sequent

app = Sequent(packages=["tests.blog"])
