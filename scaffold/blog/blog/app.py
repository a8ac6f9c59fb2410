"""The application. The command line and the tests find it by its name in pyproject.toml, `blog.app:app`."""

from sequent_sa import Sequent

app = Sequent(packages=["blog"])
