"""What an application author writes about aggregates, handlers and tests; checkers must accept it. Never executed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from marshmallow import Schema, validate
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    NotBlank,
    Projector,
    Sequent,
    SequentFixture,
    UpdateCommand,
    ViewRecordBase,
    Workflow,
    WorkflowFixture,
    attr,
    on,
    unique_key,
    when,
)
from sequent_sa.matchers import TypedMatcher, has_attrs, instance_of, is_a
from sequent_sa.messages.message import Message


class Rules(Schema):
    pass


class AddPost(Command, schema=Rules):
    title: Annotated[str, when("publish", NotBlank()), validate.Length(max=9)]
    in_cents: int = attr(default=0, data_key="inCents")


class Rename(UpdateCommand, name="RenamePost", aliases=["Retitle"]):
    title: str


class PostAdded(Event):
    pass


class TitleChanged(Event):
    title: str
    note: str | None = None


class Renamed(Event):
    pass


class Removed(Event):
    pass


class StartsWith(TypedMatcher[TitleChanged]):
    def __init__(self, start: str) -> None:
        self.start = start

    def matches(self, message: Message, /) -> bool:
        return isinstance(message, TitleChanged) and message.title.startswith(self.start)

    def matches_class(self, message_type: type[Message], /) -> bool | None:
        return None if message_type is TitleChanged else False


class Post(AggregateRoot, name="Blog::Post", autoset=(TitleChanged, is_a(Renamed)), autoset_ignore=("note",)):
    title: str | None = None
    tags: list[str] = []  # noqa: RUF012

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(Removed(command.aggregate_id, 1, datetime(2026, 1, 1, tzinfo=UTC)))
        self.apply(PostAdded)
        self.apply(TitleChanged, title=command.title)
        self.apply_if_changed(TitleChanged, title=command.title, note="x")

    @on(TitleChanged)
    def _changed(self, event: TitleChanged) -> None:
        self.title = event.title

    @unique_key("title")
    def _unique(self) -> dict[str, object] | None:
        return {"title": self.title}


class PostCommandHandler(CommandHandler):
    @on(AddPost)
    def add(self, command: AddPost) -> None:
        self.repository.add_aggregate(Post(command))

    @on(Rename)
    def rename(self, command: Rename) -> None:
        post: Post = self.aggregate(command, Post, expected_version=1)
        found: Post | None = self.repository.find_aggregate(command.aggregate_id, Post)
        print(post.title, found)


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class PostRecord(ViewRecord):
    __tablename__ = "posts"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str | None] = mapped_column(default=None)


class PostProjector(Projector, manages_tables=(PostRecord,), version=2, replay_by="store"):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        record: PostRecord = self.create_record(PostRecord, aggregate_id=event.aggregate_id)
        record.title = "x"

    @on(TitleChanged)
    def changed(self, event: TitleChanged) -> None:
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"title": event.title})


class PostWorkflow(Workflow):
    @on(PostAdded, TitleChanged, Special := type("Special", (Event,), {}))
    def three(self) -> None: ...

    @on(PostAdded, TitleChanged, instance_of(Renamed), Removed)
    def four(self, event: PostAdded | TitleChanged | Renamed | Removed) -> None: ...

    @on(StartsWith("x"))
    def own_matcher(self, event: TitleChanged) -> None: ...

    @on(is_a(TitleChanged), has_attrs(PostAdded, sequence_number=1))
    def matched(self, event: TitleChanged | PostAdded) -> None:
        self.execute_commands(Rename(aggregate_id=event.aggregate_id, sequence_number=1, title="x"))
        self.after_commit(lambda: None, ignore_errors=True)


def a_test(sequent: SequentFixture, sequent_workflow: WorkflowFixture, post_id: UUID) -> None:
    sequent.freeze_time(datetime.now(UTC))
    sequent.given_events(sequent.stream(post_id).add(PostAdded).add(TitleChanged, title="x"))
    sequent.when_command(AddPost(aggregate_id=post_id, title="x"), AddPost.from_params([("title", "x")], prefix="post"))
    sequent.then_events(PostAdded, has_attrs(TitleChanged, title="x"), [TitleChanged(post_id, 1, title="x")])
    sequent_workflow.when_event(PostAdded(post_id, 1))
    sequent_workflow.then_commands(Rename, Rename(aggregate_id=post_id, sequence_number=1, title="x"))


async def use(app: Sequent, post_id: UUID) -> None:
    command = AddPost(aggregate_id=post_id, title="x")
    app.execute_commands(command, retries=3, validation_contexts=["publish"])
    await app.execute_commands_async(command)
    post: Post = app.repository.load_aggregate(post_id, Post, until=datetime.now(UTC))
    print(post.title, app.dry_run(command, deep=True).commands[0].events, command.to_params("post")["post[title]"])
