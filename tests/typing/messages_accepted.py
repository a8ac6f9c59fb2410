"""What an application author writes about messages; type checkers must accept all of it. Never executed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from marshmallow import fields, validate

from sequent_sa.matchers import any_message, gt, has_attrs, is_a
from sequent_sa.messages.attributes import attr
from sequent_sa.messages.command import BaseCommand, Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_handler import MessageHandler, on
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.upcasting import upcast
from sequent_sa.messages.validation import NotBlank
from sequent_sa.messages.value_object import ValueObject


class Money(ValueObject):
    cents: int
    currency: Annotated[str, validate.OneOf(["EUR", "USD"])] = "EUR"


class AddPost(Command):
    author: Annotated[str, NotBlank()]
    tags: list[str] = []  # noqa: RUF012
    fee: Money | None = None


class ImportPosts(BaseCommand):
    url: str = attr(field=fields.Url())


class Register(Command):
    password: Secret


class PostAdded(Event):
    pass


class TitleChanged(Event, name="Blog::TitleChanged", aliases=("Retitled",)):
    title: str

    @upcast
    @staticmethod
    def _name_became_title(data: dict[str, Any]) -> None:
        data["title"] = data.pop("name", None)


class Handler(MessageHandler):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None: ...

    @on(PostAdded, TitleChanged)
    def both(self, event: PostAdded | TitleChanged) -> None: ...

    @on(is_a(Event, except_=PostAdded))
    def rest(self, event: Event) -> None: ...

    @on(has_attrs(TitleChanged, title=gt("a")))
    def large(self, event: TitleChanged) -> None: ...

    @on(any_message(), deduplicate_on=("aggregate_id",))
    def everything(self, event: Event) -> None: ...

    @on(PostAdded)
    def without_argument(self) -> None: ...


def use(post_id: UUID) -> None:
    command: AddPost = AddPost(aggregate_id=post_id, author="Ben", user_id=post_id).evolve(author="Bob")
    parsed: AddPost = AddPost.from_params({"author": "Ben"}).parse()
    event = TitleChanged(aggregate_id=post_id, sequence_number=1, created_at=datetime.now(UTC), title="x")
    loaded: TitleChanged = TitleChanged.load(event.dump())
    ImportPosts(url="https://example.org")
    Register(aggregate_id=post_id, password=Secret("x"))
    print(command.tags, parsed.fee, loaded.title, AddPost.Schema(), TitleChanged.StoredSchema(), {command})
