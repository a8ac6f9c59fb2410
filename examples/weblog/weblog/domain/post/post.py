"""The aggregate that decides about one post."""

from uuid import UUID

from sequent_sa import AggregateRoot, on

from weblog.domain.post.commands import AddPost, EditPost
from weblog.domain.post.events import PostAdded, PostContentChanged, PostTitleChanged


class NotTheAuthor(Exception):
    """Somebody wants to write what only its author may write."""


class Post(AggregateRoot):
    """One post."""

    author_id: UUID | None = None
    title: str | None = None
    content: str | None = None

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        if command.user_id is None:
            raise NotTheAuthor("nobody is signed in")
        self.apply(PostAdded, author_id=command.user_id)
        self.apply(PostTitleChanged, title=command.title)
        self.apply(PostContentChanged, content=command.content)

    def edit(self, command: EditPost) -> None:
        """Say what changed, and nothing when it is the same text."""
        if command.user_id != self.author_id:
            raise NotTheAuthor("only its author may edit a post")
        self.apply_if_changed(PostTitleChanged, title=command.title)
        self.apply_if_changed(PostContentChanged, content=command.content)

    @on(PostAdded)
    def _added(self, event: PostAdded) -> None:
        self.author_id = event.author_id

    @on(PostTitleChanged)
    def _title_changed(self, event: PostTitleChanged) -> None:
        self.title = event.title

    @on(PostContentChanged)
    def _content_changed(self, event: PostContentChanged) -> None:
        self.content = event.content
