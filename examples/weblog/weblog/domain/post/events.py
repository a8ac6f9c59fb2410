"""What can happen to a post."""

from uuid import UUID

from sequent_sa import Event


class PostAdded(Event):
    """There is a new post by this author."""

    author_id: UUID


class PostTitleChanged(Event):
    """The post has this title now."""

    title: str


class PostContentChanged(Event):
    """The post has this content now."""

    content: str
