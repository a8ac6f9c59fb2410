"""After kill -9 of an application at any moment all of each command is there, or nothing."""

from __future__ import annotations

import random
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from sqlalchemy import text

from sequent_sa import Sequent
from tests.databases import Database
from tests.databases.waiting import wait_until
from tests.faults.checker import check_store, check_usable
from tests.faults.workload import IN_COROUTINES, Attempt, command_line, outcomes

ROOT = Path(__file__).parents[2]
ROUNDS = 3
CLIENTS: Mapping[str, Sequence[str]] = {"ordinary": [], "asynchronous": [IN_COROUTINES]}


def test_whatever_moment_clients_are_killed_at(app: Sequent, database: Database) -> None:
    """Two at a time work on one database, one of them in coroutines; both are killed in the middle of it.

    The next ones find the database whole.
    """
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    journal: list[Attempt] = []
    for number in range(ROUNDS):
        clients = [
            subprocess.Popen(
                [*command_line(database.url, f"{kind}-{number}", seed), *options],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for kind, options in CLIENTS.items()
        ]
        for client in clients:
            journal += outcomes(_killed(client, chance))
        wait_until(lambda: not _others(app), "the end of what the killed clients had sent")
        check_store(app, journal)
    acknowledged = [attempt.mark for attempt in journal if attempt.outcome == "acknowledged"]
    assert [] == [kind for kind in CLIENTS if not any(mark.startswith(f"<{kind}") for mark in acknowledged)]
    check_usable(app)
    check_store(app, journal)


def _killed(client: subprocess.Popen[str], chance: random.Random) -> list[str]:
    assert client.stdout is not None
    lines = [client.stdout.readline() for _ in range(chance.randrange(5, 40))]
    _until_next_line(client.stdout, chance.uniform(0, 0.01))
    client.send_signal(signal.SIGKILL)
    rest = client.stdout.readlines()
    assert client.wait() == -signal.SIGKILL
    client.stdout.close()
    return lines + rest


def _until_next_line(stream: IO[str], seconds: float) -> None:
    select.select([stream], [], [], seconds)


def _others(app: Sequent) -> int:
    if app.dialect.name == "sqlite":
        return 0
    app.engine.dispose()
    with app.engine.connect() as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return connection.scalar(text(others)) or 0
