"""What may be asked of a post. Who asks is the `user_id` that every command has."""

from typing import Annotated

from marshmallow import validate
from sequent_sa import Command, NotBlank, UpdateCommand


class AddPost(Command):
    """Publish a new post."""

    title: Annotated[str, NotBlank(), validate.Length(max=200)]
    content: Annotated[str, NotBlank()]


class EditPost(UpdateCommand):
    """Change a post, as it was when the form was opened."""

    title: Annotated[str, NotBlank(), validate.Length(max=200)]
    content: Annotated[str, NotBlank()]
