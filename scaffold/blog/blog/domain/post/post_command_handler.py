"""Leads commands to the post that they are about."""

from sequent_sa import CommandHandler, on

from blog.domain.post.commands import AddPost
from blog.domain.post.post import Post


class PostCommandHandler(CommandHandler):
    """Carries out the commands about posts."""

    @on(AddPost)
    def add(self, command: AddPost) -> None:
        """Make the post."""
        self.repository.add_aggregate(Post(command))
