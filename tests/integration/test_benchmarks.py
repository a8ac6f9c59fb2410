"""The benchmarks run, and check what they measured: with few pieces of work, without looking at the time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import append, codec, concurrency, growth, latency, load, memory, startup
from benchmarks.databases import New
from benchmarks.harness import report
from benchmarks.harness.figures import Figures, Round, figures
from benchmarks.harness.results import LIMIT, OURS, Result, Results
from tests.databases import Databases, PostgreSQLDatabases

SUBJECTS = {OURS, LIMIT}


@pytest.fixture(autouse=True)
def _without_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other libraries are measured by the session `benchmarks`; here it takes too long, where they are installed."""
    for module in ("benchmarks.subjects", "benchmarks.codec"):
        monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    monkeypatch.setattr("benchmarks.append.what_is_missing", lambda: "it takes too long")


def new_of(databases: Databases) -> New:
    """What the benchmarks call for a new database."""
    return lambda: databases.create().url


def check_subjects(results: Results, workloads: set[str], database: str) -> None:
    """Each workload was measured, for ours and for the limit, at least."""
    assert workloads == {each.workload for each in results.found if each.database == database}
    for each in results.found:
        assert SUBJECTS <= set(each.subjects)
        assert all(found.median > 0 for found in each.subjects.values())


def test_transactions_are_measured(databases: Databases) -> None:
    """W1, W2 and W4."""
    results = Results()
    append.measure(results, databases.name, new_of(databases), transactions=4, rounds=1)
    check_subjects(results, {"W1", "W2", "W2, 4 clients", "W4"}, databases.name)


def test_loading_is_measured(databases: Databases) -> None:
    """W3."""
    results = Results()
    load.measure(results, databases.name, new_of(databases), loads=1, rounds=1)
    check_subjects(results, {"W3, 100 events", "W3, 1,000 events"}, databases.name)


def test_the_codec_is_measured() -> None:
    """W6."""
    results = Results()
    codec.measure(results, events=20, rounds=1)
    whole = results.get("W6", "")
    assert whole is not None
    assert SUBJECTS <= set(whole.subjects)


def test_commands_at_a_distance_are_measured(postgresql_databases: PostgreSQLDatabases) -> None:
    """W1, W2 and W4 through the delaying proxy; ours and the limit wait once for the server, and twice if they load."""
    results = Results()
    latency.measure(results, new_of(postgresql_databases), transactions=2, rounds=1)
    check_subjects(results, {"W1, 1 ms", "W2, 1 ms", "W4, 1 ms"}, "postgresql")
    (flights,) = results.tables
    assert [(OURS, "1", "2", "1"), (LIMIT, "1", "2", "1")] == [tuple(row) for row in flights.rows[:2]]


def test_many_clients_are_measured(databases: Databases) -> None:
    """Writers on aggregates of their own and on one, readers beside a writer: all is stored, and nothing fails."""
    results = Results()
    concurrency.measure(results, databases.name, new_of(databases), milliseconds=50, rounds=1, most=2)
    clients, readers = results.tables
    assert [
        (work, number) for work in (concurrency.OWN, concurrency.HOT, concurrency.BY_HAND) for number in ("1", "2")
    ] == [tuple(row[:2]) for row in clients.rows]
    assert ["0", "1"] == [row[0] for row in readers.rows]


def test_memory_and_growth_are_measured(databases: Databases) -> None:
    """What long operations hold, and what single ones cost as the store grows: a row for each."""
    results = Results()
    memory.measure(results, databases.name, new_of(databases), events=100)
    growth.measure(results, databases.name, new_of(databases), most=100)
    held, grown = results.tables
    assert 9 == len(held.rows)
    assert {"sqlite": 1, "postgresql": 2}[databases.name] == len(grown.rows)


def test_starting_is_measured() -> None:
    """Each program runs, and the unit test succeeds."""
    results = Results()
    startup.measure(results, rounds=1)
    assert [5] == [len(table.rows) for table in results.tables]


def figures_of(*rates: float) -> Figures:
    """Figures with these rates."""
    return figures([Round(100, 100 / rate, [0.001] * 99 + [0.5]) for rate in rates])


def test_ratios_are_taken_within_rounds() -> None:
    """A machine that is slower in one round is slower for all subjects in it."""
    assert figures_of(100, 10, 200).ratio_to(figures_of(50, 5, 100)) == 2.0
    assert figures_of(100, 10, 200).median == 100
    assert {"p50": 1000.0, "p95": 1000.0, "p99": 500_000.0} == figures_of(1).percentiles


def test_a_page_gets_what_was_measured(tmp_path: Path) -> None:
    """The rest of the page stays; a missed target is marked; results.json has every round."""
    (tmp_path / "results.md").write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    results = Results()
    results.add(Result("W1", "postgresql", "transactions", {OURS: figures_of(40), LIMIT: figures_of(100)}, "command"))
    report.write(tmp_path, "results", results, {"python": "3.12"})
    page = (tmp_path / "results.md").read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "old" not in page
    assert "| W1 | postgresql | by hand | 0.65 | 0.80 | 0.40 | **missed** |" in page
    stored = json.loads((tmp_path / "results.json").read_text())["results"]
    assert {"python": "3.12"} == stored["settings"]
    assert [40.0] == stored["results"][0]["subjects"][OURS]["rates"]


def test_a_page_without_a_place_for_it_is_refused(tmp_path: Path) -> None:
    """Nothing is written over."""
    (tmp_path / "results.md").write_text("words")
    with pytest.raises(ValueError, match=r"results\.md needs the lines"):
        report.write(tmp_path, "results", Results(), {})
    assert (tmp_path / "results.md").read_text() == "words"
