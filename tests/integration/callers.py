"""The blog for tests of callers who have a transaction of their own: hooks that tell, and a table of the caller's."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from sqlalchemy import Engine, ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from sequent_sa import Event, Sequent, ViewRecordBase, Workflow, on
from sequent_sa.matchers import is_a
from sequent_sa.tables import events
from tests.blog import AddComment, AddPost, Post, PostAdded, PostRecord


class CallersRecord(ViewRecordBase):
    """Tables that are no business of the blog's, nor of the tests that replay it."""

    __abstract__ = True


class Note(CallersRecord):
    """What the caller keeps himself; no projector writes it."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    post_id: Mapped[UUID | None] = mapped_column(ForeignKey(PostRecord.aggregate_id), default=None)
    text: Mapped[str] = mapped_column(default="")
    post: Mapped[PostRecord | None] = relationship(PostRecord, init=False)


class TellingWorkflow(Workflow):
    """Writes down what its hooks see."""

    told: ClassVar[list[str]] = []

    @on(is_a(Event))
    def tell(self, event: Event) -> None:
        what = {"PostAdded": "added", "CommentAdded": "commented"}.get(type(event).__name__)
        if what is not None:
            self.after_commit(lambda: self.told.append(f"{what} committed"))
            self.after_rollback(lambda: self.told.append(f"{what} rolled back"))


class EagerWorkflow(Workflow):
    """Executes a command after the commit."""

    @on(PostAdded)
    def comment(self, event: PostAdded) -> None:
        if event.author == "eager":
            self.after_commit(lambda: self.execute_commands(AddComment(aggregate_id=event.aggregate_id, text="later")))


def new_app(database: str | Engine) -> Sequent:
    """The blog with these workflows, and its tables."""
    TellingWorkflow.told.clear()
    app = Sequent(
        database,
        packages=["tests.blog"],
        workflows=[TellingWorkflow, EagerWorkflow],
        environment="test",
    )
    app.create_all()
    Note.metadata.create_all(app.engine)
    return app


def add(app: Sequent, title: str = "Hi", author: str = "ben") -> AddPost:
    """A command that is valid."""
    return AddPost(aggregate_id=app.new_uuid(), author=author, title=title)


def stored(app: Sequent) -> tuple[int, int]:
    """The numbers of events and of records, as others see them."""
    with app.session() as session:
        return (
            session.scalar(select(func.count()).select_from(events)) or 0,
            session.scalar(select(func.count()).select_from(PostRecord)) or 0,
        )


def titles(session: Session) -> list[str | None]:
    """What a session finds."""
    return sorted(session.scalars(select(PostRecord.title)), key=str)


def post(app: Sequent, id_: UUID) -> Post:
    """An aggregate as it is stored."""
    return app.repository.load_aggregate(id_, Post)
