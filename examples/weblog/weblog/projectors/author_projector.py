"""Shows authors."""

from sequent_sa import Projector, on

from weblog.domain.author.events import AuthorAdded, AuthorNameSet
from weblog.records import AuthorRecord


class AuthorProjector(Projector, manages_tables=(AuthorRecord,), version=1):
    """One record for each author. Addresses and passwords are nobody's business."""

    @on(AuthorAdded)
    def added(self, event: AuthorAdded) -> None:
        """Start the record."""
        self.create_record(AuthorRecord, aggregate_id=event.aggregate_id, joined_at=event.created_at)

    @on(AuthorNameSet)
    def name_set(self, event: AuthorNameSet) -> None:
        """Show the name."""
        self.update_all_records(AuthorRecord, {"aggregate_id": event.aggregate_id}, {"name": event.name})
