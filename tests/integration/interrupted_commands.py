"""Executes commands and gets a SIGINT in each, a little later every time; prints what each attempt left behind.

The interrupt waits while something is cleaned up: while SQLAlchemy's pool hands out or takes back a connection, and
while a transaction is rolled back or closed. Between two of those lines Python can lose anything to an exception, and
nobody could prevent that; whoever presses Control-C twice takes that risk.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from uuid import UUID

from sqlalchemy import QueuePool, create_engine, func, pool, select

from sequent_sa import Sequent
from sequent_sa.tables import events
from sequent_sa.unit_of_work import blocks
from tests.blog import AddPost, PostRecord, new_app

ATTEMPTS = 25
STEP_SECONDS = 0.0003
POOL = str(Path(pool.__file__).parent)
CLEANING = {"close", "_close", "rollback", "roll_back", "_undo"}

url = sys.argv[1]
sys.setswitchinterval(0.0001)  # so that the interrupt comes when it is wanted


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise as Python's own handler does, or once what must not be left half done is done."""
    if is_cleaning(frame):
        signal.setitimer(signal.ITIMER_REAL, STEP_SECONDS)
    else:
        raise KeyboardInterrupt


def is_cleaning(frame: FrameType | None) -> bool:
    """Whether something is cleaned up here, or is about to be, or in whoever called this."""
    if frame is not None and frame.f_code.co_filename == blocks.__file__:
        return True
    while frame is not None:
        if frame.f_code.co_filename.startswith(POOL) or frame.f_code.co_name in CLEANING:
            return True
        frame = frame.f_back
    return False


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


signal.signal(signal.SIGINT, interrupt)
signal.signal(signal.SIGALRM, interrupt)
app = new_app(create_engine(url, pool_size=1, max_overflow=0, pool_timeout=30))
connections = app.engine.pool
assert isinstance(connections, QueuePool)
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="the first"))
for number in range(1, ATTEMPTS + 1):
    early = interrupted(app, number)
    gc.collect()
    print(json.dumps([early, connections.checkedout(), *left(app, number)]), flush=True)
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="the last"))
app.engine.dispose()
