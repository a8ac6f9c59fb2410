"""A browser that looks at the blog of the examples, served with each framework."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.acceptance.command_line import CommandLine
from tests.browser.chromium import chromium
from tests.browser.served import served
from tests.browser.window import Window

PROJECT = Path(__file__).parents[2] / "examples" / "weblog"
SCREENSHOTS = "SEQUENT_SCREENSHOTS"
"""The environment variable with the directory where pictures are kept for looking at them."""


@pytest.fixture(scope="session")
def empty_blog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database made by the commands of the README."""
    database = tmp_path_factory.mktemp("weblog") / "weblog.db"
    commands = CommandLine(PROJECT, DATABASE_URL=f"sqlite:///{database}")
    for command in ("db create", "db create-view-schema", "migrate online", "migrate offline"):
        commands.succeeds(f"sequent {command}")
    return database


@pytest.fixture(scope="session")
def driver() -> Iterator[Chrome]:
    """The browser, one for all tests."""
    with chromium() as started:
        yield started


@pytest.fixture(params=["flask", "fastapi"])
def window(request: pytest.FixtureRequest, driver: Chrome, empty_blog: Path, tmp_path: Path) -> Iterator[Window]:
    """A window that shows the blog, on a database of its own and without cookies."""
    database = shutil.copyfile(empty_blog, tmp_path / "weblog.db")
    pictures = Path(os.environ.get(SCREENSHOTS) or tmp_path) / request.param
    pictures.mkdir(parents=True, exist_ok=True)
    with served(request.param, PROJECT, f"sqlite:///{database}", tmp_path / "server.log") as address:
        driver.delete_all_cookies()
        driver.set_window_size(1100, 900)
        yield Window(driver, address, pictures)
