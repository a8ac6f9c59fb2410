"""A picture of a run: each subject beside the limit, workload by workload."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from benchmarks.harness.results import LIMIT, OURS, PEER, PEER_WITH_FUNCTIONS, Results

COLOURS = {LIMIT: "#9aa5b1", OURS: "#2563eb", PEER: "#f59e0b", PEER_WITH_FUNCTIONS: "#b45309"}
WIDTH = 0.2


def plot(results: Results, database: str, file: Path) -> None:
    """Draw the rates of one kind of database as parts of the limit."""
    compared = sorted(
        (each for each in results.found if each.database in {database, ""} and LIMIT in each.subjects),
        key=lambda each: each.workload.partition(",")[0],
    )
    mpl.rcParams["svg.hashsalt"] = "sequent_sa"  # the same numbers give the same file
    figure, axes = pyplot.subplots(figsize=(9, 4.2))
    for place, (name, colour) in enumerate(COLOURS.items()):
        shown = [(n, each) for n, each in enumerate(compared) if name in each.subjects]
        axes.bar(
            [n + (place - 1.5) * WIDTH for n, _ in shown],
            [each.subjects[name].ratio_to(each.subjects[LIMIT]) for _, each in shown],
            WIDTH,
            color=colour,
            label=name,
        )
    axes.set_xticks(range(len(compared)), [each.workload.replace(", ", "\n") for each in compared])
    axes.set_ylabel("rate, as a part of the limit's")
    axes.set_title({"postgresql": "PostgreSQL", "sqlite": "SQLite"}[database], loc="left")
    axes.legend(frameon=False, fontsize="small", ncols=len(COLOURS), loc="lower right", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None})
    pyplot.close(figure)
