"""What follows from events."""

import logging

from sequent_sa import Workflow, on

from blog.domain.post.events import PostAdded

logger = logging.getLogger(__name__)


class PostWorkflow(Workflow):
    """Reacts with commands (`self.execute_commands`), or with side effects after the commit."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        """Say so, once it is stored."""
        self.after_commit(lambda: logger.info("added %s", event.aggregate_id), ignore_errors=True)
