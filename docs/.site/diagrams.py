"""Diagrams as pictures: a block of mermaid becomes an SVG when the site is built, and no page needs a script for it."""

from __future__ import annotations

from itertools import count
from typing import Any

import mermaidx

_CONFIG = {
    "htmlLabels": False,  # the styles of the page would change their size
    "sequence": {"mirrorActors": False, "actorMargin": 12, "width": 125, "height": 40, "messageMargin": 28},
}

_numbers = count(1)


def on_config(config: Any) -> Any:
    """Say who draws the blocks of mermaid. MkDocs calls it."""
    fence = {"name": "mermaid", "class": "diagram", "format": picture}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    return config


def picture(source: str, _language: str, css_class: str, *_: Any, **__: Any) -> str:
    """The picture of a diagram, as large as the page is wide at most."""
    svg = mermaidx.render(source, theme="neutral", config=_CONFIG).svg()
    return f'<div class="{css_class}">{svg.replace("my-svg", f"diagram-{next(_numbers)}")}</div>'
