"""The application that the benchmarks run: a post with four events and one view row."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Projector,
    Sequent,
    ValueObject,
    ViewRecordBase,
    on,
)
from sequent_sa.projections.projector_states import ProjectorStates


class AddPost(Command):
    author: str
    title: str
    words: int


class CountWords(Command):
    words: int


class PostAdded(Event):
    pass


class PostAuthorChanged(Event):
    author: str


class PostTitleChanged(Event):
    title: str


class PostWordsCounted(Event):
    words: int


class Money(ValueObject):
    cents: int
    currency: str


class Paid(Event):
    """What W6 brings to JSON and back; no post has it."""

    by: UUID
    at: datetime
    rate: Decimal
    amount: Money


class Post(AggregateRoot):
    author: str = ""
    title: str = ""
    words: int = 0

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(PostAdded)
        self.apply(PostAuthorChanged, author=command.author)
        self.apply(PostTitleChanged, title=command.title)
        self.apply(PostWordsCounted, words=command.words)

    def count(self, words: int) -> None:
        self.apply(PostWordsCounted, words=words)

    @on(PostAuthorChanged)
    def _author_changed(self, event: PostAuthorChanged) -> None:
        self.author = event.author

    @on(PostTitleChanged)
    def _title_changed(self, event: PostTitleChanged) -> None:
        self.title = event.title

    @on(PostWordsCounted)
    def _words_counted(self, event: PostWordsCounted) -> None:
        self.words = event.words


class PostCommandHandler(CommandHandler):
    @on(AddPost)
    def add(self, command: AddPost) -> None:
        self.repository.add_aggregate(Post(command))

    @on(CountWords)
    def count(self, command: CountWords) -> None:
        self.aggregate(command, Post).count(command.words)


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class PostRecord(ViewRecord):
    __tablename__ = "post_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str | None] = mapped_column(default=None)
    title: Mapped[str | None] = mapped_column(default=None)
    words: Mapped[int | None] = mapped_column(default=None)


class PostProjector(Projector, manages_tables=(PostRecord,)):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(PostRecord, aggregate_id=event.aggregate_id)

    @on(PostAuthorChanged)
    def author_changed(self, event: PostAuthorChanged) -> None:
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"author": event.author})

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(PostWordsCounted)
    def words_counted(self, event: PostWordsCounted) -> None:
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"words": event.words})


def new_app(url: str) -> Sequent:
    """The application on an empty database."""
    app = Sequent(url, packages=[__name__], environment="test")
    app.create_all()
    return app


def without_projection(app: Sequent) -> Sequent:
    """The same application on the same database, whose projector is not active."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        ProjectorStates(app.dialect).deactivate(connection, ["PostProjector"])
    return app
