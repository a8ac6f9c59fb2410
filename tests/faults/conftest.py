"""The blog on a fresh database, with its tables and active projectors."""

from tests.integration.conftest import app

__all__ = ["app"]
