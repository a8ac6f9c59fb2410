"""Replay of one projector: every stored event into an empty view table, one process."""

from __future__ import annotations

import sys
import time

from sqlalchemy import Connection, func, select

from benchmarks._blog import AddPost, PostRecord, new_app
from benchmarks._databases import urls
from sequent_sa.replay.engine import Replay

POSTS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
POSTS_A_TRANSACTION = 200


class NoMigrations:
    """The view tables stay as they are."""

    version_table = "alembic_version"

    def upgrade(self, connection: Connection) -> None:
        """Nothing is pending."""


def main() -> None:
    for name, url in urls():
        app = new_app(url)
        for start in range(0, POSTS, POSTS_A_TRANSACTION):
            app.execute_commands(
                *(
                    AddPost(aggregate_id=app.new_uuid(), author="ben", title="A title of twenty c", words=i)
                    for i in range(start, min(start + POSTS_A_TRANSACTION, POSTS))
                )
            )
        replay = Replay.create(app.replay_context(NoMigrations()), app.projectors)
        replay.prepare()
        begin = time.perf_counter()
        replay.run()
        seconds = time.perf_counter() - begin
        replay.optimize()
        replay.go_live()
        with app.session() as session:
            assert session.scalar(select(func.count()).select_from(PostRecord).where(PostRecord.words >= 0)) == POSTS
        app.engine.dispose()
        print(f"replay      {name:<11} {POSTS * 4 / seconds:>9,.0f} events/s")


main()
