"""Shows posts."""

from sequent_sa import Projector, on

from blog.domain.post.events import PostAdded, PostAuthorChanged, PostContentChanged, PostTitleChanged
from blog.records.post_record import PostRecord


class PostProjector(Projector, manages_tables=(PostRecord,), version=1):
    """One record for each post. Raise `version` whenever a replay would give other records."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        """Start the record."""
        self.create_record(PostRecord, aggregate_id=event.aggregate_id)

    @on(PostAuthorChanged)
    def author_changed(self, event: PostAuthorChanged) -> None:
        """Show the author."""
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"author": event.author})

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        """Show the title."""
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"title": event.title})

    @on(PostContentChanged)
    def content_changed(self, event: PostContentChanged) -> None:
        """Show the content."""
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, {"content": event.content})
