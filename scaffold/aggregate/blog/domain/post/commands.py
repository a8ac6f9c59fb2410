"""What users may ask for."""

from sequent_sa import Command


class AddPost(Command):
    """Add post."""
