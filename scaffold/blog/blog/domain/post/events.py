"""What can happen to a post."""

from sequent_sa import Event


class PostAdded(Event):
    """There is a new post."""


class PostAuthorChanged(Event):
    """The post has this author now."""

    author: str


class PostTitleChanged(Event):
    """The post has this title now."""

    title: str


class PostContentChanged(Event):
    """The post has this content now."""

    content: str
