"""Leads commands to the post that they are about."""

from sequent_sa import CommandHandler, on

from weblog.domain.post.commands import AddPost, EditPost
from weblog.domain.post.post import Post


class PostCommandHandler(CommandHandler):
    """Carries out the commands about posts."""

    @on(AddPost)
    def add(self, command: AddPost) -> None:
        """Make the post."""
        self.repository.add_aggregate(Post(command))

    @on(EditPost)
    def edit(self, command: EditPost) -> None:
        """Change the post, unless it has changed since the form was opened."""
        self.aggregate(command, Post).edit(command)
