"""What can happen to an author."""

from sequent_sa import Event, Secret


class AuthorAdded(Event):
    """There is a new author."""


class AuthorNameSet(Event):
    """The author goes by this name now."""

    name: str


class AuthorEmailSet(Event):
    """The author signs in with this address now."""

    email: str


class AuthorPasswordSet(Event):
    """The author signs in with this password now; only its hash is stored."""

    password: Secret
