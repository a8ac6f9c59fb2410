"""Keeps records up to date with the events."""

from sequent_sa import Projector, on

from blog.domain.post.events import PostAdded
from blog.records.post_record import PostRecord


class PostProjector(Projector, manages_tables=(PostRecord,), version=1):
    """Raise `version` whenever a replay would give other records."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        """Start the record."""
        self.create_record(PostRecord, aggregate_id=event.aggregate_id)
