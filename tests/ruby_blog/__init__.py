"""An application that goes on with the database of a blog which ran on Sequent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Projector,
    Secret,
    Sequent,
    ValueObject,
    ViewRecordBase,
    on,
    unique_key,
)


class Author(ValueObject):
    name: str
    email: str | None = None


class AddPost(Command, name="Blog::AddPost"):
    title: str


class RenamePost(Command, name="Blog::RenamePost"):
    title: str


class RegisterReader(Command, name="Blog::RegisterReader"):
    password: Secret


class PostAdded(Event, name="Blog::PostAdded"):
    title: str
    kind: Literal["draft", "final"] = "draft"
    price: Decimal | None = None
    day: date | None = None
    published_at: datetime | None = None
    author: Author | None = None
    tags: list[str] = []  # noqa: RUF012 - the framework copies it


class PostRenamed(Event, name="Blog::PostRenamed"):
    title: str


class ReaderRegistered(Event, name="Blog::ReaderRegistered"):
    pass


class Post(AggregateRoot, name="Blog::Post", snapshot_threshold=3, snapshot_version=1):
    title: str = ""

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(PostAdded, title=command.title)

    def rename(self, title: str) -> None:
        self.apply_if_changed(PostRenamed, title=title)

    def events_partition_key(self) -> str:
        return "Y26"

    @on(PostAdded, PostRenamed)
    def _named(self, event: PostAdded | PostRenamed) -> None:
        self.title = event.title

    @unique_key("title")
    def _title_is_unique(self) -> dict[str, object] | None:
        return {"title": self.title.lower()}


class Reader(AggregateRoot, name="Blog::Reader"):
    pass


class PostCommandHandler(CommandHandler):
    @on(AddPost)
    def add(self, command: AddPost) -> None:
        self.repository.add_aggregate(Post(command))

    @on(RenamePost)
    def rename(self, command: RenamePost) -> None:
        self.aggregate(command, Post).rename(command.title)

    @on(RegisterReader)
    def register(self, command: RegisterReader) -> None:
        self.aggregate(command, Reader).apply(ReaderRegistered)


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class TitleRecord(ViewRecord):
    __tablename__ = "title_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]


class TitleProjector(Projector, manages_tables=(TitleRecord,)):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(TitleRecord, aggregate_id=event.aggregate_id, title=event.title)

    @on(PostRenamed)
    def renamed(self, event: PostRenamed) -> None:
        self.update_all_records(TitleRecord, {"aggregate_id": event.aggregate_id}, {"title": event.title})


def new_app(database: str, *projectors: type[Projector]) -> Sequent:
    """The application on a database."""
    return Sequent(database, command_handlers=[PostCommandHandler], projectors=projectors, environment="test")
