"""What the pages show: plain SQLAlchemy on the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sequent_sa import Sequent
from sqlalchemy import Select, select

from weblog.domain.author import Author, email_key
from weblog.domain.author.author import EMAIL
from weblog.records import AuthorRecord, PostRecord


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post and its author."""

    post: PostRecord
    author: AuthorRecord


def newest_posts(app: Sequent, author_id: UUID | None = None) -> list[ShownPost]:
    """The latest 50 posts, of all authors or of one."""
    query = _posts().order_by(PostRecord.added_at.desc(), PostRecord.aggregate_id.desc()).limit(50)
    with app.session() as session:
        found = session.execute(query if author_id is None else query.where(PostRecord.author_id == author_id))
        return [ShownPost(post, author) for post, author in found]


def post(app: Sequent, post_id: UUID) -> ShownPost | None:
    """One post."""
    with app.session() as session:
        found = session.execute(_posts().where(PostRecord.aggregate_id == post_id)).one_or_none()
    return None if found is None else ShownPost(*found)


def authors(app: Sequent) -> Sequence[AuthorRecord]:
    """All authors, by name."""
    with app.session() as session:
        return session.scalars(select(AuthorRecord).order_by(AuthorRecord.name, AuthorRecord.aggregate_id)).all()


def author(app: Sequent, author_id: UUID) -> AuthorRecord | None:
    """One author."""
    with app.session() as session:
        return session.get(AuthorRecord, author_id)


def author_who_signs_in(app: Sequent, email: str, password: str) -> UUID | None:
    """The author with this address and password. Reads the aggregate: no record has passwords."""
    found = app.repository.find_aggregate_by_unique_key(EMAIL, email_key(email), Author)
    return found.aggregate_id if found is not None and found.has_password(password) else None


def _posts() -> Select[PostRecord, AuthorRecord]:
    return select(PostRecord, AuthorRecord).join(AuthorRecord, AuthorRecord.aggregate_id == PostRecord.author_id)
