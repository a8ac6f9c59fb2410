"""After kill -9 at any point either all of a command is there, or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sequent_sa import Sequent
from tests.databases import Database

HERE = Path(__file__).parent
NOTHING, ALL = [0, 0, 0, 0], [2, 1, 3, 1]


def test_a_kill_while_a_command_is_sent_leaves_nothing_or_all(app: Sequent, database: Database) -> None:
    """Killed attempts leave no row behind, or all when the whole command had reached the server."""
    app.engine.dispose()  # nobody else is connected
    script = str(HERE / "killed_while_sending.py")
    done = subprocess.run(
        [sys.executable, script, database.url],
        cwd=HERE.parents[1],
        env={"PYTHONPATH": str(HERE.parents[1]), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    *killed, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"status": 0, "left": ALL} == last
    left = [attempt["left"] for attempt in killed]
    whole = left.count(ALL)
    assert [NOTHING] * (len(left) - whole) + [ALL] * whole == left
    assert whole <= 1
    assert len(left) - whole > 10
