"""A post, which its author writes and edits."""

from weblog.domain.post.commands import AddPost, EditPost
from weblog.domain.post.events import PostAdded, PostContentChanged, PostTitleChanged
from weblog.domain.post.post import NotTheAuthor, Post
from weblog.domain.post.post_command_handler import PostCommandHandler

__all__ = [
    "AddPost",
    "EditPost",
    "NotTheAuthor",
    "Post",
    "PostAdded",
    "PostCommandHandler",
    "PostContentChanged",
    "PostTitleChanged",
]
