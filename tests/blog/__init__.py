"""The small application that the integration tests run."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from marshmallow import validate
from sqlalchemy import Engine
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    NotBlank,
    Projector,
    Sequent,
    ViewRecordBase,
    Workflow,
    on,
    unique_key,
)


class AddPost(Command):
    author: Annotated[str, NotBlank()]
    title: Annotated[str, validate.Length(min=1, max=200)]


class RenamePost(Command):
    title: str


class AddComment(Command):
    text: str


class FailAfterRename(Command):
    title: str


class PostAdded(Event):
    author: str


class PostTitleChanged(Event):
    title: str


class CommentAdded(Event):
    text: str


class Post(AggregateRoot):
    title: str | None = None
    comments: list[str] = []  # noqa: RUF012 - the framework copies it

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(PostAdded, author=command.author)
        self.apply(PostTitleChanged, title=command.title)

    def rename(self, title: str) -> None:
        self.apply_if_changed(PostTitleChanged, title=title)

    def comment(self, text: str) -> None:
        self.apply(CommentAdded, text=text)

    @on(PostAdded)
    def _added(self, event: PostAdded) -> None:
        self.author = event.author

    @on(PostTitleChanged)
    def _title_changed(self, event: PostTitleChanged) -> None:
        self.title = event.title

    @on(CommentAdded)
    def _commented(self, event: CommentAdded) -> None:
        self.comments.append(event.text)

    @unique_key("post_title")
    def _title_is_unique(self) -> dict[str, object] | None:
        return {"title": self.title.lower()} if self.title else None


class PostCommandHandler(CommandHandler):
    @on(AddPost)
    def add(self, command: AddPost) -> None:
        self.repository.add_aggregate(Post(command))

    @on(RenamePost)
    def rename(self, command: RenamePost) -> None:
        self.aggregate(command, Post).rename(command.title)

    @on(AddComment)
    def comment(self, command: AddComment) -> None:
        self.aggregate(command, Post).comment(command.text)

    @on(FailAfterRename)
    def fail(self, command: FailAfterRename) -> None:
        self.aggregate(command, Post).rename(command.title)
        raise RuntimeError("changed my mind")


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class PostRecord(ViewRecord):
    __tablename__ = "post_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str]
    title: Mapped[str | None] = mapped_column(default=None)
    comments: Mapped[int] = mapped_column(default=0)


class PostProjector(Projector, manages_tables=(PostRecord,)):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(PostRecord, aggregate_id=event.aggregate_id, author=event.author)

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        def count(record: PostRecord) -> None:
            record.comments += 1

        self.update_record(PostRecord, event, count)


class WelcomeWorkflow(Workflow):
    @on(PostAdded)
    def welcome(self, event: PostAdded) -> None:
        if event.author == "newcomer":
            self.execute_commands(AddComment(aggregate_id=event.aggregate_id, text="welcome"))


def new_app(database: str | Engine) -> Sequent:
    """The application on a database."""
    return Sequent(database, packages=[__name__], environment="test")
