"""A new application, whose code is to grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from sequent_sa.cli.scaffolding import ApplicationName, render, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of a shop, as `sequent new` makes it."""
    write(render(ApplicationName.parse("shop"), "blog"), tmp_path / "shop")
    return tmp_path / "shop"
