"""Executes commands and gets a SIGINT in each, a little later every time; prints what each attempt left behind."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
from uuid import UUID

from sqlalchemy import QueuePool, create_engine, func, select

from sequent_sa import Sequent
from sequent_sa.tables import events
from tests.blog import AddPost, PostRecord, new_app

ATTEMPTS = 25
STEP_SECONDS = 0.0003

url = sys.argv[1]
sys.setswitchinterval(0.0001)  # so that the interrupt comes when it is wanted


def interrupted(app: Sequent, number: int) -> bool:
    """Execute a command; whether the interrupt came before it had returned."""
    executed = threading.Event()

    def press() -> None:
        executed.wait(30 if number == ATTEMPTS else number * STEP_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)

    command = AddPost(aggregate_id=UUID(int=number), author="newcomer", title=f"post {number}")
    thread = threading.Thread(target=press)
    returned = False
    try:
        thread.start()
        app.execute_commands(command)
        returned = True
        executed.set()
        while True:
            time.sleep(0.01)
    except KeyboardInterrupt:
        thread.join()
    return not returned


def left(app: Sequent, number: int) -> tuple[int, list[int]]:
    """The number of events, and of comments in each row."""
    with app.session() as session:
        stored = session.scalar(select(func.count()).where(events.c.aggregate_id == UUID(int=number))) or 0
        rows = session.scalars(select(PostRecord.comments).where(PostRecord.aggregate_id == UUID(int=number)))
        return stored, list(rows)


app = new_app(create_engine(url, pool_size=1, max_overflow=0, pool_timeout=30))
pool = app.engine.pool
assert isinstance(pool, QueuePool)
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="the first"))
for number in range(1, ATTEMPTS + 1):
    early = interrupted(app, number)
    gc.collect()
    print(json.dumps([early, pool.checkedout(), *left(app, number)]), flush=True)
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="the last"))
app.engine.dispose()
