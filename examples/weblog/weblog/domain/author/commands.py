"""What may be asked of an author."""

from typing import Annotated

from marshmallow import validate
from sequent_sa import Command, NotBlank, Secret


class AddAuthor(Command):
    """Sign up."""

    name: Annotated[str, NotBlank(), validate.Length(max=80)]
    email: Annotated[str, validate.Email()]
    password: Secret
