"""What keeps the records up to date with the events."""

from blog.projectors.post_projector import PostProjector

__all__ = ["PostProjector"]
