"""One application in four versions that run side by side while a new one goes live."""

from __future__ import annotations

import sys
import time
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    ConcurrencyError,
    DifferentProjectorVersionIsActive,
    LockTimeout,
    Projector,
    ProjectorIsActivating,
    Sequent,
    ViewRecordBase,
    on,
)
from tests import blog
from tests.blog import AddComment, AddPost, CommentAdded, PostAdded, PostTitleChanged

SECONDS = 120.0


class OldRecord(ViewRecordBase):
    __abstract__ = True


class OldPost(OldRecord):
    __tablename__ = "upgraded_posts"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str]
    title: Mapped[str | None] = mapped_column(default=None)
    comments: Mapped[int] = mapped_column(default=0)


class OldComment(OldRecord):
    __tablename__ = "upgraded_comments"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class OldProjector(Projector, name="UpgradedProjector", manages_tables=(OldPost, OldComment)):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(OldPost, aggregate_id=event.aggregate_id, author=event.author)

    @on(PostTitleChanged)
    def titled(self, event: PostTitleChanged) -> None:
        self.update_all_records(OldPost, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        self.update_record(OldPost, event, lambda post: setattr(post, "comments", post.comments + 1))
        self.create_record(OldComment, aggregate_id=event.aggregate_id, number=event.sequence_number, text=event.text)


class NewRecord(ViewRecordBase):
    __abstract__ = True


class LongerPost(NewRecord):
    __tablename__ = "upgraded_posts"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str]
    shout: Mapped[str]
    title: Mapped[str | None] = mapped_column(default=None)
    comments: Mapped[int] = mapped_column(default=0)


class KeptComment(NewRecord):
    __tablename__ = "upgraded_comments"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class AddingProjector(Projector, name="UpgradedProjector", version=2, manages_tables=(LongerPost, KeptComment)):
    """A column that must not be empty, which old code does not know."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(LongerPost, aggregate_id=event.aggregate_id, author=event.author, shout=event.author.upper())

    @on(PostTitleChanged)
    def titled(self, event: PostTitleChanged) -> None:
        self.update_all_records(LongerPost, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        self.update_record(LongerPost, event, lambda post: setattr(post, "comments", post.comments + 1))
        self.create_record(KeptComment, aggregate_id=event.aggregate_id, number=event.sequence_number, text=event.text)


class ShorterRecord(ViewRecordBase):
    __abstract__ = True


class ShorterPost(ShorterRecord):
    __tablename__ = "upgraded_posts"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str]
    title: Mapped[str | None] = mapped_column(default=None)


class ShorterComment(ShorterRecord):
    __tablename__ = "upgraded_comments"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class DroppingProjector(Projector, name="UpgradedProjector", version=2, manages_tables=(ShorterPost, ShorterComment)):
    """Without a column that old code writes."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(ShorterPost, aggregate_id=event.aggregate_id, author=event.author)

    @on(PostTitleChanged)
    def titled(self, event: PostTitleChanged) -> None:
        self.update_all_records(ShorterPost, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        self.create_record(
            ShorterComment, aggregate_id=event.aggregate_id, number=event.sequence_number, text=event.text
        )


class RemainingRecord(ViewRecordBase):
    __abstract__ = True


class RemainingPost(RemainingRecord):
    __tablename__ = "upgraded_posts"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author: Mapped[str]
    title: Mapped[str | None] = mapped_column(default=None)
    comments: Mapped[int] = mapped_column(default=0)


class RemovingProjector(Projector, name="UpgradedProjector", version=2, manages_tables=(RemainingPost,)):
    """Without a table that old code writes."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(RemainingPost, aggregate_id=event.aggregate_id, author=event.author)

    @on(PostTitleChanged)
    def titled(self, event: PostTitleChanged) -> None:
        self.update_all_records(RemainingPost, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        self.update_record(RemainingPost, event, lambda post: setattr(post, "comments", post.comments + 1))


PROJECTORS: dict[str, type[Projector]] = {
    "old": OldProjector,
    "adds": AddingProjector,
    "drops": DroppingProjector,
    "removes": RemovingProjector,
}
_CHANGES = {
    "old": "",
    "adds": "ALTER TABLE {schema}upgraded_posts ADD COLUMN shout text NOT NULL",
    "drops": "ALTER TABLE {schema}upgraded_posts DROP COLUMN comments",
    "removes": "DROP TABLE {schema}upgraded_comments",
}


class Migrations:
    """The pending view migration of a version."""

    version_table = "view_version"

    def __init__(self, version: str) -> None:
        self._statement = _CHANGES[version]

    def upgrade(self, connection: Connection) -> None:
        """Change the tables, wherever the view schema is."""
        schemas = connection.get_execution_options().get("schema_translate_map") or {}
        schema = schemas.get("view_schema", "view_schema")
        connection.execute(text(self._statement.format(schema=f"{schema}." if schema else "")))


def application(url: str, version: str) -> Sequent:
    """One version of the application."""
    return Sequent(
        url, command_handlers=[blog.PostCommandHandler], projectors=[PROJECTORS[version]], environment="test"
    )


def write(url: str, version: str, name: str, number: int) -> int:
    """Add posts as fast as can be; returns how many were committed.

    Old code stops when a new version is active; new code waits until its own is, and then adds a number of posts.
    """
    app = application(url, version)
    committed = attempt = 0
    give_up_at = time.monotonic() + SECONDS
    while time.monotonic() < give_up_at and (version == "old" or committed < number):
        attempt += 1
        post_id = app.new_uuid()
        try:
            app.execute_commands(
                AddPost(aggregate_id=post_id, author=name, title=f"{name} {attempt}"),
                AddComment(aggregate_id=post_id, text="x"),
            )
        except DifferentProjectorVersionIsActive:
            if version == "old":
                break
            time.sleep(0.05)  # until the version is active
        except (ProjectorIsActivating, ConcurrencyError, LockTimeout):
            continue
        else:
            committed += 1
    app.engine.dispose()
    return committed


if __name__ == "__main__":
    print(write(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
