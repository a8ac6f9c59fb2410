"""The aggregate that decides about one author."""

from sequent_sa import AggregateRoot, Secret, on, unique_key

from weblog.domain.author.commands import AddAuthor
from weblog.domain.author.events import AuthorAdded, AuthorEmailSet, AuthorNameSet, AuthorPasswordSet

EMAIL = "author_email"


def email_key(email: str) -> dict[str, object]:
    """What no two authors may have in common: `Ben@sequent.io` is `ben@sequent.io`."""
    return {"email": email.lower()}


class Author(AggregateRoot):
    """One author."""

    name: str | None = None
    email: str | None = None
    password: Secret | None = None

    def __init__(self, command: AddAuthor) -> None:
        super().__init__(command.aggregate_id)
        self.apply(AuthorAdded)
        self.apply(AuthorNameSet, name=command.name)
        self.apply(AuthorEmailSet, email=command.email)
        self.apply(AuthorPasswordSet, password=command.password)

    def has_password(self, clear_text: str) -> bool:
        """Whether somebody who knows this may sign in as the author."""
        return self.password is not None and self.password.verify(clear_text)

    @unique_key(EMAIL)
    def _email_is_unique(self) -> dict[str, object] | None:
        return email_key(self.email) if self.email else None

    @on(AuthorNameSet)
    def _name_set(self, event: AuthorNameSet) -> None:
        self.name = event.name

    @on(AuthorEmailSet)
    def _email_set(self, event: AuthorEmailSet) -> None:
        self.email = event.email

    @on(AuthorPasswordSet)
    def _password_set(self, event: AuthorPasswordSet) -> None:
        self.password = event.password
