"""The aggregate that decides."""

from sequent_sa import AggregateRoot, on

from blog.domain.post.commands import AddPost
from blog.domain.post.events import PostAdded


class Post(AggregateRoot):
    """Its attributes change only when it handles an event."""

    def __init__(self, command: AddPost) -> None:
        super().__init__(command.aggregate_id)
        self.apply(PostAdded)

    @on(PostAdded)
    def _added(self) -> None:
        pass
