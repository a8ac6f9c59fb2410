"""Append with an inline projection: each command stores four events and writes one view row, durably."""

from __future__ import annotations

import sys
import time

from sqlalchemy import func, select

from benchmarks._blog import AddPost, PostRecord, new_app
from benchmarks._databases import urls
from sequent_sa.tables import events

COMMANDS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000


def main() -> None:
    for name, url in urls():
        app = new_app(url)
        commands = [
            AddPost(aggregate_id=app.new_uuid(), author="ben", title="A title of twenty c", words=i)
            for i in range(COMMANDS)
        ]
        begin = time.perf_counter()
        for command in commands:
            app.execute_commands(command)
        seconds = time.perf_counter() - begin
        with app.session() as session:
            assert session.scalar(select(func.count()).select_from(events)) == COMMANDS * 4
            assert session.scalar(select(func.count()).select_from(PostRecord).where(PostRecord.words >= 0)) == COMMANDS
        app.engine.dispose()
        print(f"append      {name:<11} {COMMANDS / seconds:>9,.0f} commands/s {COMMANDS * 4 / seconds:>9,.0f} events/s")


main()
