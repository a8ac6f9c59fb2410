"""Commands about posts."""

from uuid import uuid4

from sequent_sa.matchers import has_attrs
from sequent_sa.testing import SequentFixture

from blog.domain.post import AddPost, PostAdded, PostAuthorChanged, PostContentChanged, PostTitleChanged


def test_a_post_is_added(sequent: SequentFixture) -> None:
    """Adding a post says that it is there, who wrote it, and what it says."""
    sequent.when_command(AddPost(aggregate_id=uuid4(), author="Ben", title="My first post", content="Hello world!"))
    sequent.then_events(
        PostAdded,
        has_attrs(PostAuthorChanged, author="Ben"),
        has_attrs(PostTitleChanged, title="My first post"),
        has_attrs(PostContentChanged, content="Hello world!"),
    )
