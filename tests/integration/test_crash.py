"""After kill -9 at any point either all of a command is there, or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sequent_sa import Sequent
from tests.databases import Database

HERE = Path(__file__).parent


def test_a_kill_between_any_two_statements_leaves_nothing(app: Sequent, database: Database) -> None:
    """Each killed attempt leaves no row behind; the one that is not killed leaves all of them."""
    script = str(HERE / "killed_between_statements.py")
    done = subprocess.run(
        [sys.executable, script, database.url],
        cwd=HERE.parents[1],
        env={"PYTHONPATH": str(HERE.parents[1]), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    attempts = [json.loads(line) for line in done.stdout.splitlines()]
    killed, last = attempts[:-1], attempts[-1]
    assert len(killed) > 10
    assert [[0, 0, 0, 0]] * len(killed) == [attempt["left"] for attempt in killed]
    assert [2, 1, 3, 1] == last["left"]
    assert last["status"] == 0
