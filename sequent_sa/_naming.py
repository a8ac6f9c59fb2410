"""Names made from names."""

from __future__ import annotations

import re

_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """`SendHTMLMail` as `send_html_mail`."""
    return _BETWEEN_WORDS.sub("_", name).lower()
