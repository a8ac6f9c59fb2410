"""Importing what somebody names as `module:attribute`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from sequent_sa.exceptions import ConfigurationError


def load(name: str, root: Path, what: str, advice: str) -> object:
    """Import what `module:attribute` names, with `root` in front of the import path; None without the attribute.

    `what` says what it is to be, `advice` where to look. Raises `ConfigurationError` when it is no such name, or there
    is no such module. An error inside the module is its own and is not touched.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute) or module_name.startswith("."):
        raise ConfigurationError(f"{name!r} is no name of {what}: write it as `module:attribute`; {advice}")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(
            f"{what} {name!r} cannot be found: there is no module {error.name!r} in {root} or among the installed "
            f"packages; {advice}"
        ) from error
    return getattr(module, attribute, None)
