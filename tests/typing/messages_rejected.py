"""Mistakes about messages that type checkers must report, on each marked line and nowhere else. Never executed."""

from __future__ import annotations

from uuid import UUID

from sequent_sa.messages.command import Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_handler import MessageHandler, on


class AddPost(Command):
    title: str


class PostAdded(Event):
    title: str


class Other(Event):
    pass


class Misspelt(Event, nmae="x"):  # rejected: class keyword
    pass


class Handler(MessageHandler):
    @on(PostAdded)  # rejected: wrong type
    def wrong(self, event: Other) -> None: ...

    @on(PostAdded, Other)  # rejected: too narrow
    def narrow(self, event: Other) -> None: ...

    @on(PostAdded)  # rejected: extra parameter
    def extra(self, event: PostAdded, more: int) -> None: ...


def use(post_id: UUID) -> None:
    AddPost(aggregate_id=post_id)  # rejected: missing
    AddPost(title="x")  # rejected: missing target
    AddPost(aggregate_id=post_id, titel="x", title="x")  # rejected: misspelt
    AddPost(aggregate_id=post_id, title=1)  # rejected: type
    AddPost(post_id, "x")  # rejected: positional
    PostAdded(title="x")  # rejected: missing header
    PostAdded(post_id, 1, title=1)  # rejected: type
    AddPost(aggregate_id=post_id, title="x").title = "y"  # rejected: immutable
    AddPost.from_params({}).parse().titel  # noqa: B018 # rejected: unknown attribute
