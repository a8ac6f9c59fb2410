"""What users may ask for."""

from typing import Annotated

from sequent_sa import Command, NotBlank


class AddPost(Command):
    """Publish a new post."""

    author: Annotated[str, NotBlank()]
    title: Annotated[str, NotBlank()]
    content: Annotated[str, NotBlank()]
