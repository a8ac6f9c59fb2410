"""Mistakes in applications that checkers must report, on each marked line and nowhere else. Never executed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Projector,
    Sequent,
    SequentFixture,
    ViewRecordBase,
    Workflow,
    on,
)
from sequent_sa.matchers import has_attrs, instance_of, is_a


class AddPost(Command):
    title: str


class TitleChanged(Event):
    title: str


class Misspelt(Projector, manages_tabels=None):  # rejected: class keyword
    pass


class Ended(Event):
    pass


class Post(AggregateRoot, nmae="x"):  # rejected: class keyword
    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(TitleChanged)  # rejected: missing
        self.apply(TitleChanged, titel="x", title="x")  # rejected: misspelt
        self.apply(TitleChanged, title=1)  # rejected: type
        self.apply(TitleChanged, title="x", sequence_number=1)  # rejected: header
        self.apply_if_changed(TitleChanged, title=1)  # rejected: type
        self.apply_if_changed(TitleChanged)  # rejected: missing
        self.apply_if_changed(TitleChanged, titel="x", title="x")  # rejected: misspelt
        self.apply(AddPost, title="x")  # rejected: no event
        self.apply(command)  # rejected: no event
        self.apply(Ended(command.aggregate_id, 1), title="x")  # rejected: attributes of an event that is made already


class AutosetFromCommands(AggregateRoot, autoset=(AddPost,)):  # rejected: no event
    title: str = ""


class AutosetOfOne(AggregateRoot, autoset=TitleChanged):  # rejected: no list
    title: str = ""


class PostCommandHandler(CommandHandler):
    @on(AddPost)  # rejected: wrong type
    def add(self, command: TitleChanged) -> None: ...

    @on(is_a(AddPost))  # rejected: wrong type
    def match(self, command: TitleChanged) -> None: ...

    def use(self, command: AddPost) -> None:
        self.aggregate(command, Post, expected_version="1")  # rejected: type
        self.aggregate(command, AddPost)  # rejected: no aggregate


class PostAdded(Event):
    pass


class PostRemoved(Event):
    pass


class NarrowWorkflow(Workflow):
    @on(TitleChanged, PostAdded, PostRemoved)  # rejected: too narrow
    def three(self, event: TitleChanged | PostAdded) -> None: ...

    @on(TitleChanged, PostAdded, PostRemoved, is_a(Ended))  # rejected: too narrow
    def four(self, event: TitleChanged | PostAdded | PostRemoved) -> None: ...

    @on(has_attrs(TitleChanged, title="x"))  # rejected: wrong type
    def with_attributes(self, event: PostAdded) -> None: ...

    @on(instance_of(TitleChanged))  # rejected: wrong type
    def exactly(self, event: PostAdded) -> None: ...

    @on("TitleChanged")  # rejected: no selector
    def by_name(self, event: TitleChanged) -> None: ...


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class PostRecord(ViewRecord):
    __tablename__ = "posts"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str | None] = mapped_column(default=None)


class PostProjector(Projector, manages_tables=(PostRecord,), replay_by="event"):  # rejected: class keyword
    @on(TitleChanged)
    def changed(self, event: TitleChanged) -> None:
        self.create_record(PostRecord)  # rejected: missing
        self.create_record(PostRecord, aggregate_id=event.aggregate_id, titel="x")  # rejected: misspelt
        self.create_record(PostRecord, aggregate_id=event.aggregate_id, title=1)  # rejected: type


class PostWorkflow(Workflow):
    @on(TitleChanged)
    def changed(self, event: TitleChanged) -> None:
        self.execute_commands(event)  # rejected: no command
        self.after_commit("x")  # rejected: no function


def a_test(sequent: SequentFixture, post_id: UUID) -> None:
    sequent.stream(post_id).add(TitleChanged)  # rejected: missing
    sequent.stream(post_id).add(TitleChanged, title=1)  # rejected: type
    sequent.stream(post_id).add(TitleChanged, titel="x", title="x")  # rejected: misspelt
    sequent.stream(post_id).add(TitleChanged, title="x", sequence_number=1)  # rejected: header
    sequent.when_command(TitleChanged(post_id, 1, title="x"))  # rejected: no command
    sequent.then_events("TitleChanged")  # rejected: no expectation


def use(app: Sequent, post_id: UUID) -> None:
    app.execute_commands(AddPost)  # rejected: a class
    app.execute_commands(AddPost(aggregate_id=post_id, title="x"), retry=1)  # rejected: misspelt
    post: str = app.repository.load_aggregate(post_id, Post)  # rejected: type
    print(post)
