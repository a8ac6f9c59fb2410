"""The posts of the benchmark on sequent_sa: commands through the whole framework, nothing switched off."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from benchmarks.blog import AddPost, CountWords, Post, PostRecord, without_projection
from benchmarks.subjects.subject import AUTHOR, TITLE, WORDS, Counts
from sequent_sa import Filter, Sequent
from sequent_sa.tables import events

_TOGETHER = 1_000


class OnSequent:
    """A `Subject`. With `new` the database is empty and gets its tables."""

    def __init__(
        self, url: str, *, projecting: bool = False, new: bool = True, retries: int = 0, filters: Sequence[Filter] = ()
    ) -> None:
        self.app = Sequent(url, packages=["benchmarks.blog"], environment="test", retries=retries, filters=filters)
        if new:
            self.app.create_all()
            self.app.register_types()
            if not projecting:
                without_projection(self.app)

    def add(self, id_: UUID) -> None:
        self.app.execute_commands(AddPost(aggregate_id=id_, author=AUTHOR, title=TITLE, words=WORDS))

    def count(self, id_: UUID) -> None:
        self.app.execute_commands(CountWords(aggregate_id=id_, words=WORDS))

    def load(self, id_: UUID) -> int:
        return self.app.repository.load_aggregate(id_, Post).version

    def store(self, ids: Sequence[UUID], events: int) -> None:
        commands = [
            command
            for id_ in ids
            for command in (
                AddPost(aggregate_id=id_, author=AUTHOR, title=TITLE, words=WORDS),
                *(CountWords(aggregate_id=id_, words=WORDS) for _ in range(events - 4)),
            )
        ]
        for begin in range(0, len(commands), _TOGETHER):
            self.app.execute_commands(*commands[begin : begin + _TOGETHER])

    def counts(self) -> Counts:
        right = (PostRecord.author == AUTHOR) & (PostRecord.title == TITLE) & (PostRecord.words == WORDS)
        with self.app.session() as session:
            return Counts(
                session.scalar(select(func.count()).select_from(events)) or 0,
                session.scalar(select(func.count()).select_from(PostRecord).where(right)) or 0,
            )

    def close(self) -> None:
        self.app.engine.dispose()
