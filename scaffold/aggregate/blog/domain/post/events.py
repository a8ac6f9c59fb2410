"""What can happen."""

from sequent_sa import Event


class PostAdded(Event):
    """Post added."""
