"""A form that was sent: either it becomes a command, or it is shown again with what is wrong beside the fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sequent_sa import AggregateKeyNotUnique, BaseCommand, CommandNotValid, Params, Sequent

from weblog.domain.author.author import EMAIL
from weblog.domain.post import EditPost
from weblog.records import PostRecord

AUTHOR, POST = "author", "post"
"""What the names of fields begin with: `author[email]`."""

_VERSION = f"{POST}[sequence_number]"

# What must be unique, and what is said beside which field when it is not.
_KEYS = {EMAIL: (f"{AUTHOR}[email]", "Somebody has signed up with this address already.")}

Fields = Iterable[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Form:
    """What a page shows in the fields and beside them, by the names of the fields."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    errors: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])


def execute(app: Sequent, params: Params[BaseCommand]) -> Form | None:
    """Execute the command of a form. The form as it is to be shown again, or None when all went well.

    Passes on what is not about this form: what the domain refuses, a lost race, and invalid commands that a workflow
    made of this one.
    """
    try:
        app.execute_commands(params)
    except CommandNotValid as error:
        if error.command_type is not params.command_type:
            raise
        return Form(error.params, error.flat_errors(params.prefix))
    except AggregateKeyNotUnique as error:
        if error.scope not in _KEYS:
            raise
        name, text = _KEYS[error.scope]
        return Form(params.without_secrets(), {name: [text]})
    return None


def about(aggregate_id: UUID, fields: Fields, prefix: str) -> list[tuple[str, Any]]:
    """The fields of a form, for the aggregate that the address of the page names, whatever the form says."""
    name = f"{prefix}[aggregate_id]"
    return [*(pair for pair in fields if pair[0] != name), (name, str(aggregate_id))]


def opened(post: PostRecord) -> Form:
    """The form that edits a post, with the version that it shows."""
    return Form({f"{POST}[title]": post.title, f"{POST}[content]": post.content, _VERSION: str(post.version)})


def reopened(params: Params[EditPost], post: PostRecord) -> Form:
    """The form as it was sent, for the version of the post that is there now."""
    return Form({**params.without_secrets(), _VERSION: str(post.version)})
