"""A post: what may be asked of it, what can happen to it, and the rules in between."""

from blog.domain.post.commands import AddPost
from blog.domain.post.events import PostAdded, PostAuthorChanged, PostContentChanged, PostTitleChanged
from blog.domain.post.post import Post
from blog.domain.post.post_command_handler import PostCommandHandler

__all__ = [
    "AddPost",
    "Post",
    "PostAdded",
    "PostAuthorChanged",
    "PostCommandHandler",
    "PostContentChanged",
    "PostTitleChanged",
]
