"""The aggregate that decides about one post."""

from sequent_sa import AggregateRoot, on

from blog.domain.post.commands import AddPost
from blog.domain.post.events import PostAdded, PostAuthorChanged, PostContentChanged, PostTitleChanged


class Post(AggregateRoot):
    """One post. Its attributes change only when it handles an event."""

    author: str | None = None
    title: str | None = None
    content: str | None = None

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(PostAdded)
        self.apply(PostAuthorChanged, author=command.author)
        self.apply(PostTitleChanged, title=command.title)
        self.apply(PostContentChanged, content=command.content)

    @on(PostAdded)
    def _added(self) -> None:
        pass

    @on(PostAuthorChanged)
    def _author_changed(self, event: PostAuthorChanged) -> None:
        self.author = event.author

    @on(PostTitleChanged)
    def _title_changed(self, event: PostTitleChanged) -> None:
        self.title = event.title

    @on(PostContentChanged)
    def _content_changed(self, event: PostContentChanged) -> None:
        self.content = event.content
