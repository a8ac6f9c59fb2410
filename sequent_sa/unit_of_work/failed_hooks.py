"""What is said about a hook that failed and whose error nobody sees."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


def log_failed_hook(when: str, hook: Callable[[], object], error: Exception) -> None:
    """Warn that a hook failed. What the error says may be about values, so that it is for debugging only."""
    name = getattr(hook, "__qualname__", None) or type(hook).__qualname__
    about = {"hook": name, "error": type(error).__name__}
    logger.warning("the %s hook %s failed: %s", when, name, type(error).__name__, extra=about)
    logger.debug("how the %s hook %s failed", when, name, exc_info=error, extra=about)
