"""What a report looks like, by where it goes."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime
from uuid import UUID

import pytest

from sequent_sa.cli.reporting import Report

ROWS: list[dict[str, object]] = [
    {"partition": "events_nl", "from": "NL", "until": "NL\x01", "events": 1_000},
    {"partition": "events_default", "from": None, "until": None, "events": None},
]


class Terminal(io.StringIO):
    """A terminal that remembers what was written to it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal has colours, and is wide."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_pipe_gets_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """They are aligned, with a head; a cell that could play tricks on a terminal is written as Python would."""
    Report().table(ROWS)
    assert [
        "partition       from  until     events",
        "events_nl       NL    'NL\\x01'  1000",
        "events_default",
    ] == capsys.readouterr().out.splitlines()


def test_a_terminal_gets_a_table() -> None:
    """With the same cells, and in colour."""
    with redirect_stdout(Terminal()) as terminal:
        Report().table(ROWS)
    said = terminal.getvalue()
    assert "\x1b[1m" in said
    assert ["events_nl", "NL", "'NL\\x01'", "1000"] in [line.split() for line in said.splitlines()]
    assert "\x01" not in said


def test_no_rows_are_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A head alone would say nothing."""
    Report().table([])
    assert "" == capsys.readouterr().out


def test_json_has_the_values_as_they_are() -> None:
    """One object a line, on a terminal too, and no colours."""
    report = Report(as_json=True)
    with redirect_stdout(Terminal()) as terminal:
        report.table(ROWS)
        report.note("for people")
        report.say({"id": UUID(int=1), "at": datetime(2026, 1, 1, tzinfo=UTC), "name": "Zoë"}, ("Zoë", "bold red"))
    *rows, last = map(json.loads, terminal.getvalue().splitlines())
    assert ROWS == rows
    assert {"id": str(UUID(int=1)), "at": "2026-01-01 00:00:00+00:00", "name": "Zoë"} == last


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", "Zoë"), ("ascii", "Zo\\u00eb"), ("latin-1", "Zo\\u00eb")])
def test_json_is_json_in_every_encoding(encoding: str, expected: str) -> None:
    """Letters stay as they are where the encoding is one of Unicode, and are escaped everywhere else."""
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) as stream:
        Report(as_json=True).say({"name": "Zoë"})
        assert f'{{"name": "{expected}"}}\n'.encode() == stream.buffer.getvalue()


def test_a_line_is_in_colour_only_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not where the user wants none; a long one is not broken."""
    with redirect_stdout(Terminal()) as terminal:
        Report().say({}, ("error", "bold red"), " [bold]" + "x" * 300)
    assert f"\x1b[1;31merror\x1b[0m [bold]{'x' * 300}\n" == terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    with redirect_stdout(Terminal()) as terminal:
        Report().say({}, ("error", "red"), " again")
    assert "error again\n" == terminal.getvalue()
    Report().say({}, ("error", "bold red"), " again")
    assert "error again\n" == capsys.readouterr().out
