"""Finds the directories that are shipped with the package but are no part of its code."""

from __future__ import annotations

from pathlib import Path

from sequent_sa.exceptions import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


def directory(name: str) -> Path:
    """The directory `name` ("alembic" or "scaffold"): inside an installed package, beside the package in a checkout.

    Raises `ConfigurationError` when it is in neither place.
    """
    installed, checkout = _PACKAGE / f"_{name}", _PACKAGE.parent / name
    for found in (installed, checkout):
        if found.is_dir():
            return found
    raise ConfigurationError(
        f"the directory {name!r} is missing, neither {installed} nor {checkout} exists: install sequent-sa again"
    )
