"""The application. The command line finds it by its name in pyproject.toml, `weblog.app:app`."""

from sequent_sa import Sequent

# Not `weblog` as a whole: that would import both front ends, and with them both frameworks.
PACKAGES = ["weblog.domain", "weblog.projectors"]

TEXTS = {
    "required": "Please fill this in.",
    "null": "Please fill this in.",
    "not_blank": "Please fill this in.",
    "email": "This is not an email address.",
    "length_max": "At most {max} characters, please.",
}


def new_app(database: str | None = None) -> Sequent:
    """The application on a database; by default on the one that the configuration names."""
    return Sequent(database, packages=PACKAGES, translations={"en": TEXTS})


app = new_app()
