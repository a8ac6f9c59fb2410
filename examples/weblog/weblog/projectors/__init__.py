"""What keeps the records up to date with the events."""

from weblog.projectors.author_projector import AuthorProjector
from weblog.projectors.post_projector import PostProjector

__all__ = ["AuthorProjector", "PostProjector"]
