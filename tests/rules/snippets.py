"""What the documentation shows, as programs: a page is read from top to bottom, and so it is run.

The Python of a page is one program. Its `sh` blocks are one shell session, in which a block with a title, such as
```python title="blog/app.py"```, is the file of that name. The pages of the tutorial are one session: each
goes on where the one before it ended.

Run as a program, `python -m tests.rules.snippets DIRECTORY` writes the Python of each page there, for type checkers.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
START, END = "```python", "```"
SHELL = "```sh"
TITLE = re.compile(r'```\w+ title="([^"]+)"$')
END_OF_FILE = "END OF FILE"
TUTORIAL = [
    ROOT / "docs" / "guides" / f"{page}.md"
    for page in (
        "getting-started",
        "modelling-the-domain",
        "building-the-web-application",
        "finishing-the-web-application",
    )
]


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


def shell_session(page: Path) -> str:
    """The shell session of a page, and the files that it shows, in their order; nothing if it has no `sh` block."""
    lines: list[str] = []
    ending: list[str] | None = None
    for line in page.read_text().splitlines():
        if ending is not None:
            lines += ending if line == END else [line]
            ending = None if line == END else ending
        elif line == SHELL:
            ending = []
        elif title := TITLE.match(line):
            lines += [f'mkdir -p "$(dirname {title[1]})"', f"cat > {title[1]} <<'{END_OF_FILE}'"]
            ending = [END_OF_FILE]
    return "\n".join(lines) + "\n" if SHELL in page.read_text().splitlines() else ""


def tutorial() -> str:
    """The shell session of the pages of the tutorial, one after the other."""
    return "".join(shell_session(page) for page in TUTORIAL)


def name(page: Path) -> str:
    """A module name for a page: docs/how-to/replay.md is docs_how_to_replay."""
    return "_".join(page.relative_to(ROOT).with_suffix("").parts).replace("-", "_").lower()


def main(directory: str) -> None:
    """Write each page's program to `directory`."""
    for page in pages():
        (Path(directory) / f"{name(page)}.py").write_text(program(page))


if __name__ == "__main__":
    main(*sys.argv[1:])
