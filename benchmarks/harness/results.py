"""What was found: for each workload and database the figures of each subject. Stored as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.harness.figures import Figures

OURS, LIMIT = "sequent_sa", "by hand"
PEER, PEER_WITH_FUNCTIONS = "eventsourcing", "eventsourcing, DB functions"


@dataclass(frozen=True)
class Result:
    """One workload on one database: the subjects' figures, in rates of `unit` a second."""

    workload: str
    database: str
    unit: str
    subjects: Mapping[str, Figures]
    command: str

    def ratio(self, rival: str) -> float | None:
        """How many times as fast as a rival ours is; None when one of the two was not measured."""
        if OURS not in self.subjects or rival not in self.subjects:
            return None
        return self.subjects[OURS].ratio_to(self.subjects[rival])

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        for name, each in self.subjects.items():
            ratio = "" if name == OURS else f"  ours is x{self.ratio(name) or float('nan'):.2f}"
            tail = "".join(f"  {percent} {value:,.1f} us" for percent, value in each.percentiles.items())
            yield (
                f"{self.workload:<16} {self.database:<11} {name:<28} {each.median:>10,.0f} {self.unit}/s "
                f"±{each.spread * 50:.0f} %{tail}{ratio}"
            )

    def as_json(self) -> dict[str, Any]:
        """Everything, with single rounds."""
        return {
            "workload": self.workload,
            "database": self.database,
            "unit": self.unit,
            "command": self.command,
            "subjects": {
                name: {
                    "median": round(each.median, 1),
                    "spread": round(each.spread, 3),
                    "rates": [round(rate, 1) for rate in each.rates],
                    "pieces": each.pieces,
                    "microseconds": {percent: round(value, 1) for percent, value in each.percentiles.items()},
                    **({} if name == OURS else {"ours": round(self.ratio(name) or 0.0, 3)}),
                }
                for name, each in self.subjects.items()
            },
        }


@dataclass(frozen=True)
class Table:
    """Numbers that are no comparison of subjects."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    command: str

    def markdown(self) -> str:
        """As it stands in the documentation."""
        return markdown_table(self.columns, self.rows)


@dataclass
class Results:
    """All that one run found."""

    found: list[Result] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Keep and print."""
        self.found.append(result)
        print(*result.lines(), sep="\n", flush=True)

    def add_table(self, table: Table) -> None:
        """Keep and print."""
        self.tables.append(table)
        print(f"{table.title}\n{table.markdown()}", flush=True)

    def get(self, workload: str, database: str) -> Result | None:
        """What was found for one workload on one database."""
        for result in self.found:
            if (result.workload, result.database) == (workload, database):
                return result
        return None

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "results": [result.as_json() for result in self.found],
            "tables": [asdict(table) for table in self.tables],
        }


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
