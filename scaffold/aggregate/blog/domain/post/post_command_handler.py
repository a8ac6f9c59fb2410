"""Leads commands to the aggregate that they are about."""

from sequent_sa import CommandHandler, on

from blog.domain.post.commands import AddPost
from blog.domain.post.post import Post


class PostCommandHandler(CommandHandler):
    """Carries out commands."""

    @on(AddPost)
    def add(self, command: AddPost) -> None:
        """Add post."""
        self.repository.add_aggregate(Post(command))
