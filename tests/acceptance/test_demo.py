"""`sequent new blog --demo`: the main job of the README."""

from __future__ import annotations

import re
from pathlib import Path
from pydoc_data import topics

from tests.acceptance.command_line import CommandLine


def test_the_demonstration_goes_the_whole_path(tmp_path: Path) -> None:
    """It ends well, shows every command, and no post is missing after the replay."""
    said = CommandLine(tmp_path).succeeds("sequent new blog --demo", timeout=180)

    commands = re.findall(r"^\$ (.*)$", said, re.MULTILINE)
    assert [
        "sequent new blog",
        "cd blog",
        "sequent db create",
        "sequent db create-view-schema",
        "sequent migrate online",
        "sequent migrate offline",
        "python -m blog.import_topics",
        "python -m blog.show",
        "python -m blog.keep_adding &",
        'alembic revision --autogenerate -m "add word count"',
        "sequent migrate status",
        "sequent migrate online",
        "sequent migrate offline",
        "python -m blog.verify",
        "sequent projectors list",
    ] == commands
    assert f"{len(topics.topics)} posts added." in said
    counts = re.search(r"(\d+) posts were added, (\d+) have a record\.\nWord counts: 0 empty, 0 wrong\.", said)
    assert counts is not None
    assert counts[1] == counts[2]
    # Posts were added while the application was changed, until the new version was active.
    assert int(counts[1]) > len(topics.topics)
    assert "PostProjector 2 active 2" in " ".join(said.split())


def test_the_demonstration_leaves_other_databases_alone(tmp_path: Path) -> None:
    """A DATABASE_URL of the shell is not for the demonstration: it would fill that database with posts."""
    other = tmp_path / "other.db"

    CommandLine(tmp_path, DATABASE_URL=f"sqlite:///{other}").succeeds("sequent new shop --demo", timeout=180)

    assert not other.exists()
    assert (tmp_path / "shop" / "db" / "shop_development.db").is_file()
