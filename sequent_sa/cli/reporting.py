"""What commands print: in colour and as tables on a terminal, plainly in a pipe, as JSON where that is asked for."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")

Part = str | tuple[str, str]
"""Text, or text with a style such as "bold" or "red"."""


class Report:
    """What one command has found."""

    def __init__(self, as_json: bool = False) -> None:
        self._as_json = as_json

    def say(self, data: Mapping[str, Any], *parts: Part) -> None:
        """Print `data` as JSON, or else the parts, which say the same, as a line."""
        if self._as_json:
            click.echo(json.dumps(data, default=str, ensure_ascii=not _is_unicode(sys.stdout.encoding)))
        elif sys.stdout.isatty():
            _print_in_colour(parts)
        else:
            click.echo("".join(part if isinstance(part, str) else part[0] for part in parts))

    def note(self, *parts: Part) -> None:
        """Print a line for people, which JSON does without."""
        if not self._as_json:
            self.say({}, *parts)

    def table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print rows that have the same keys: these are the names of the columns. None is an empty cell."""
        if self._as_json:
            for row in rows:
                self.say(row)
        elif rows:
            cells = [[_cell(value) for value in row.values()] for row in rows]
            (_print_table if sys.stdout.isatty() else _print_columns)(list(rows[0]), cells)


def _is_unicode(encoding: str | None) -> bool:
    return encoding is None or codecs.lookup(encoding).name.startswith("utf")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if text.isprintable() else repr(text)


def _print_in_colour(parts: Sequence[Part]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal has colours
    from rich.text import Text  # noqa: PLC0415

    Console(highlight=False, soft_wrap=True).print(Text.assemble(*parts))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box  # noqa: PLC0415 - only a terminal has tables
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*columns, box=box.SIMPLE_HEAD, header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _print_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
