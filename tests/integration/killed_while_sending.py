"""Executes a command, killed at its first step, its second, its third ...; prints what each attempt left behind.

A step is a statement on SQLite, and some bytes on their way to the server on PostgreSQL.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any
from uuid import UUID

from sqlalchemy import event, func, select, text

from sequent_sa import Sequent
from sequent_sa.tables import aggregates, commands, events
from tests.blog import AddPost, PostRecord, new_app
from tests.databases.proxy import Proxy

BYTES_A_STEP = 131

url = sys.argv[1]
is_postgresql = url.startswith("postgresql")


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(number: int) -> Sequent:
    if is_postgresql:
        return new_app(Proxy(url, number * BYTES_A_STEP, kill).url)
    app = new_app(url)
    seen = 0

    def trace(_statement: str) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            kill()

    @event.listens_for(app.engine, "checkout")
    def listen(connection: Any, *_: object) -> None:
        connection.set_trace_callback(trace)

    return app


def attempt(number: int) -> None:
    command = AddPost(aggregate_id=UUID(int=number), author="newcomer", title=f"post {number}")
    killed_at(number).execute_commands(command)
    os._exit(0)


def stored() -> list[int]:
    app = new_app(url)
    with app.session() as session:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        while is_postgresql and session.scalar(text(others)):
            session.rollback()  # a transaction goes on to see what it saw first
            time.sleep(0.005)  # the server is still busy with what reached it
        found = [
            session.scalar(select(func.count()).select_from(what)) or 0
            for what in (commands, aggregates, events, PostRecord)
        ]
    app.engine.dispose()
    return found


number = 0
finished = False
before = stored()
while not finished:
    number += 1
    child = os.fork()
    if child == 0:
        attempt(number)
    _, status = os.waitpid(child, 0)
    finished = not os.WIFSIGNALED(status)
    after = stored()
    left = [now - then for now, then in zip(after, before, strict=True)]
    before = after
    print(json.dumps({"status": status, "left": left}), flush=True)
