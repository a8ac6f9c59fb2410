"""Records of posts."""

from uuid import uuid4

from sequent_sa.testing import ProjectorFixture

from blog.domain.post import PostAdded, PostAuthorChanged, PostContentChanged, PostTitleChanged
from blog.records import PostRecord

POST_ID = uuid4()


def test_a_new_post_has_a_record(sequent_projector: ProjectorFixture) -> None:
    """A post can be found as soon as it was added."""
    sequent_projector.project(PostAdded(aggregate_id=POST_ID, sequence_number=1))

    assert sequent_projector.session.get(PostRecord, POST_ID) is not None


def test_the_record_shows_the_post(sequent_projector: ProjectorFixture) -> None:
    """The record has what the events said last."""
    sequent_projector.project(
        PostAdded(aggregate_id=POST_ID, sequence_number=1),
        PostAuthorChanged(aggregate_id=POST_ID, sequence_number=2, author="Ben"),
        PostTitleChanged(aggregate_id=POST_ID, sequence_number=3, title="My first post"),
        PostContentChanged(aggregate_id=POST_ID, sequence_number=4, content="Hello world!"),
    )

    record = sequent_projector.session.get_one(PostRecord, POST_ID)
    assert (record.author, record.title, record.content) == ("Ben", "My first post", "Hello world!")
