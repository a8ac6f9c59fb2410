"""What commands do."""

from uuid import uuid4

from sequent_sa.testing import SequentFixture

from blog.domain.post.commands import AddPost
from blog.domain.post.events import PostAdded


def test_add_post(sequent: SequentFixture) -> None:
    """Adding one says that it is there."""
    sequent.when_command(AddPost(aggregate_id=uuid4()))
    sequent.then_events(PostAdded)
