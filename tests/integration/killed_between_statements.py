"""Executes a command, killed after its first statement, its second, its third ...; prints what is left each time."""

from __future__ import annotations

import json
import os
import signal
import sys
from uuid import UUID

from sqlalchemy import event, func, select

from sequent_sa.tables import aggregates, commands, events
from tests.blog import AddPost, PostRecord, new_app

url = sys.argv[1]


def attempt(number: int) -> None:
    app = new_app(url)
    seen = 0

    def after_statement(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(app.engine, "after_cursor_execute", after_statement)
    event.listen(app.engine, "commit", after_statement)
    app.execute_commands(AddPost(aggregate_id=UUID(int=number), author="newcomer", title=f"post {number}"))
    os._exit(0)


def left() -> list[int]:
    app = new_app(url)
    with app.session() as session:
        found = [
            session.scalar(select(func.count()).select_from(what)) or 0
            for what in (commands, aggregates, events, PostRecord)
        ]
    app.engine.dispose()
    return found


number = 0
finished = False
while not finished:
    number += 1
    child = os.fork()
    if child == 0:
        attempt(number)
    _, status = os.waitpid(child, 0)
    finished = not os.WIFSIGNALED(status)
    print(json.dumps({"killed": os.WIFSIGNALED(status), "status": status, "left": left()}), flush=True)
