"""Making and dropping databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url

from sequent_sa.database import (
    create_database,
    create_event_store,
    create_view_schema,
    database_exists,
    drop_database,
    normalise_url,
)
from sequent_sa.exceptions import ConfigurationError
from tests.databases import Database


def test_a_database_is_created_once_and_dropped_once(database: Database) -> None:
    """Both say whether there was something to do; what the store put beside a file goes too."""
    url = make_url(database.url)
    another = url.set(database=f"{url.database}_another").render_as_string(hide_password=False)
    assert not database_exists(another)
    assert [True, False] == [create_database(another), create_database(another)]
    engine = create_engine(another)
    create_event_store(engine)
    engine.dispose()
    assert database_exists(another)
    assert [True, False] == [drop_database(another), drop_database(another)]
    assert not database_exists(another)
    if not database.is_postgresql:
        assert [] == list(Path(str(url.database)).parent.glob("*_another*"))


def test_the_view_schema_is_created_once(migrated_database: Database) -> None:
    """Creating it again is harmless; SQLite has none."""
    create_view_schema(migrated_database.engine)
    create_view_schema(migrated_database.engine)
    schemas = inspect(migrated_database.engine).get_schema_names()
    assert migrated_database.is_postgresql == ("view_schema" in schemas)


def test_an_unreachable_server_is_one_clear_line_without_the_password() -> None:
    """The message names host, port and database."""
    with pytest.raises(ConfigurationError) as refused:
        create_database("postgresql://me:hidden@127.0.0.1:1/blog")
    message = str(refused.value)
    assert "127.0.0.1, port 1, cannot be asked for the database blog" in message
    assert "hidden" not in message
    assert message.endswith("; look at DATABASE_URL and [tool.sequent.databases]")
    assert "\n" not in message


@pytest.mark.parametrize("url", ["blog", "mysql://localhost/blog", "sqlite://", "postgresql://localhost"])
def test_a_url_that_names_no_usable_database_is_refused(url: str) -> None:
    """The error says which URLs are understood."""
    with pytest.raises(ConfigurationError):
        create_database(url)


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    """A file where a directory should be is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be created"):
        create_database(f"sqlite:///{tmp_path}/file/blog.db")


@pytest.mark.parametrize("content", [b"root:x:0:0", b"SQLite", b"SQLite format 3", None])
def test_what_is_no_database_is_not_dropped(tmp_path: Path, content: bytes | None) -> None:
    """A mistyped URL must not cost somebody a file; an empty one is a database without tables."""
    path = tmp_path / "letter.db"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(
        ConfigurationError, match=r"letter\.db (is no database of SQLite, and stays|cannot be removed: )"
    ):
        drop_database(f"sqlite:///{path}")
    assert path.exists()
    (tmp_path / "empty.db").touch()
    assert drop_database(f"sqlite:///{tmp_path}/empty.db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_plain_postgresql_url_means_psycopg(scheme: str) -> None:
    """What other tools write works here too."""
    assert normalise_url(f"{scheme}://me@localhost/blog") == "postgresql+psycopg://me@localhost/blog"
