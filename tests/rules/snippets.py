"""The Python in the documentation, as programs: one for each page, since a page is read from top to bottom.

Run as a program, `python -m tests.rules.snippets DIRECTORY` writes them there, for type checkers.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
START, END = "```python", "```"


def pages() -> list[Path]:
    """Every page that may have Python in it; the README is always one."""
    return [
        ROOT / "README.md",
        *(page for folder in ("docs", "examples") for page in sorted((ROOT / folder).rglob("*.md"))),
    ]


def program(page: Path) -> str:
    """The snippets of a page, each on the lines where it stands there; other lines are empty."""
    lines: list[str] = []
    inside = False
    for line in page.read_text().splitlines():
        if line.strip() in (START, END):
            inside = line.strip() == START
            lines.append("")
        else:
            lines.append(line if inside else "")
    return "\n".join(lines).rstrip() + "\n"


def name(page: Path) -> str:
    """A module name for a page: docs/how-to/replay.md is docs_how_to_replay."""
    return "_".join(page.relative_to(ROOT).with_suffix("").parts).replace("-", "_").lower()


def main(directory: str) -> None:
    """Write each page's program to `directory`."""
    for page in pages():
        (Path(directory) / f"{name(page)}.py").write_text(program(page))


if __name__ == "__main__":
    main(*sys.argv[1:])
