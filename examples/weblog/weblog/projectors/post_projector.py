"""Shows posts."""

from sequent_sa import Projector, on

from weblog.domain.post.events import PostAdded, PostContentChanged, PostTitleChanged
from weblog.records import PostRecord


class PostProjector(Projector, manages_tables=(PostRecord,), version=1):
    """One record for each post. Raise `version` whenever a replay would give other records."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        """Start the record."""
        self.create_record(
            PostRecord,
            aggregate_id=event.aggregate_id,
            author_id=event.author_id,
            added_at=event.created_at,
            version=event.sequence_number,
        )

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        """Show the title."""
        changes = {"title": event.title, "version": event.sequence_number}
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, changes)

    @on(PostContentChanged)
    def content_changed(self, event: PostContentChanged) -> None:
        """Show the content."""
        changes = {"content": event.content, "version": event.sequence_number}
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, changes)
