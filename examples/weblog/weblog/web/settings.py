"""What the front ends are told from outside."""

import os
import secrets
from pathlib import Path

from sequent_sa import ConfigurationError, Sequent

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"


def secret_key(app: Sequent) -> str:
    """What signs the cookies. Raises `ConfigurationError` in production when SECRET_KEY is not set."""
    given = os.environ.get("SECRET_KEY")
    if not given and app.environment == "production":
        raise ConfigurationError("set SECRET_KEY: it signs the cookies of those who are signed in")
    return given or secrets.token_hex()
