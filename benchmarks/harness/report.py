"""What the documentation shows of a run: a part of a page between two marks, and all numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.results import OURS, Result, Results, markdown_table
from benchmarks.harness.targets import judged

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(directory: Path, page: str, results: Results, settings: Mapping[str, str]) -> None:
    """Replace the measured part of a page, and its part of results.json."""
    file = directory / f"{page}.md"
    before, mark, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"{file.name} needs the lines {BEGIN} and {END}: what was measured goes between them")
    text = "\n\n".join(
        part for part in (_targets(results), _results(results), *_tables(results), _settings(settings)) if part
    )
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    numbers = directory / "results.json"
    stored = json.loads(numbers.read_text()) if numbers.exists() else {}
    stored[page] = {"settings": settings, **results.as_json()}
    numbers.write_text(json.dumps(stored, indent=1) + "\n")


def _targets(results: Results) -> str:
    if results.get("W1", "postgresql") is None:
        return ""
    rows = [
        (
            target.workload,
            target.database or "-",
            target.rival,
            f"{target.must:g}",
            _number(target.stretch),
            _number(ratio),
            word,
        )
        for target, ratio, word in judged(results)
    ]
    columns = ("workload", "database", "ours beside", "must", "stretch", "found", "")
    return f"**Targets** (ratios of rates within rounds)\n\n{markdown_table(columns, rows)}"


def _results(results: Results) -> str:
    rows = [row for result in results.found for row in _rows(result)]
    if not rows:
        return ""
    columns = ("workload", "database", "subject", "a second", "spread", "p50 µs", "p95 µs", "p99 µs", "ours beside it")
    return markdown_table(columns, rows)


def _rows(result: Result) -> list[tuple[str, ...]]:
    return [
        (
            result.workload if name == next(iter(result.subjects)) else "",
            result.database if name == next(iter(result.subjects)) else "",
            name,
            f"{each.median:,.0f} {result.unit}",
            f"{each.spread:.0%}",
            *(f"{each.percentiles[p]:,.0f}" if p in each.percentiles else "" for p in ("p50", "p95", "p99")),
            "" if name == OURS or OURS not in result.subjects else f"x {result.ratio(name):.2f}",
        )
        for name, each in result.subjects.items()
    ]


def _tables(results: Results) -> list[str]:
    return [f"**{table.title}** (`{table.command}`)\n\n{table.markdown()}" for table in results.tables]


def _settings(settings: Mapping[str, str]) -> str:
    return "Measured with " + "; ".join(f"{name}: {value}" for name, value in settings.items()) + "."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
