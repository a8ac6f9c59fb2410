"""An author, who signs up with an email address that nobody else has."""

from weblog.domain.author.author import Author, email_key
from weblog.domain.author.author_command_handler import AuthorCommandHandler
from weblog.domain.author.commands import AddAuthor
from weblog.domain.author.events import AuthorAdded, AuthorEmailSet, AuthorNameSet, AuthorPasswordSet

__all__ = [
    "AddAuthor",
    "Author",
    "AuthorAdded",
    "AuthorCommandHandler",
    "AuthorEmailSet",
    "AuthorNameSet",
    "AuthorPasswordSet",
    "email_key",
]
