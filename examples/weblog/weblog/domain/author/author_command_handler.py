"""Leads commands to the author that they are about."""

from sequent_sa import CommandHandler, on

from weblog.domain.author.author import Author
from weblog.domain.author.commands import AddAuthor


class AuthorCommandHandler(CommandHandler):
    """Carries out the commands about authors."""

    @on(AddAuthor)
    def add(self, command: AddAuthor) -> None:
        """Make the author."""
        self.repository.add_aggregate(Author(command))
