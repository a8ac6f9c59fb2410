"""What the documentation says is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules._programs import run_program
from tests.rules.snippets import ROOT, TUTORIAL, name, pages, program, shell_session, tutorial

TUTORIAL_DIRECTORY = "SEQUENT_TUTORIAL"
"""The environment variable with the directory in which the tutorial leaves its blog, for looking at it."""
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox"


def sessions() -> list[Path]:
    """The pages with a shell session of their own. Those of the README and the examples have tests of their own."""
    alone = [page for page in pages() if page.is_relative_to(ROOT / "docs") and page not in TUTORIAL]
    return [page for page in alone if shell_session(page)]


@pytest.mark.parametrize("page", [page for page in pages() if program(page).strip()], ids=name)
def test_the_snippets_of_a_page_run(page: Path, tmp_path: Path) -> None:
    """The Python of a page, from top to bottom, is a program that ends well in an empty directory."""
    file = tmp_path / f"{name(page)}.py"
    file.write_text(program(page))
    assert (0, "") == run_program(file)


@pytest.mark.parametrize("page", sessions(), ids=name)
def test_the_shell_session_of_a_page_succeeds(page: Path, tmp_path: Path) -> None:
    """Every command of a page succeeds, one after the other, in a directory that is empty at first."""
    done = run(shell_session(page), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tutorial_succeeds_from_the_first_page_to_the_last(tmp_path: Path) -> None:
    """Every command succeeds, from `sequent new` to the finished blog, each page going on where the last one ended."""
    done = run(tutorial(), Path(os.environ.get(TUTORIAL_DIRECTORY) or tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def run(session: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell session with the Python of the tests; nothing in the environment says which database."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SEQUENT_", "DATABASE_URL"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=directory,
        env={**inherited, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", [page for page in pages() if "\ndef test_" in program(page)], ids=name)
def test_the_tests_on_a_page_pass(page: Path, tmp_path: Path) -> None:
    """A page that shows tests is a test file of the application that it shows."""
    (tmp_path / f"{name(page)}.py").write_text(program(page))
    (tmp_path / "pyproject.toml").write_text(f'[tool.pytest.ini_options]\n[tool.sequent]\napp = "{name(page)}:app"\n')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{name(page)}.py"]
    environment = {**os.environ, "DATABASE_URL": "sqlite:///page.db"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    """A link that is a path names a file of this repository."""
    targets: list[str] = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    paths = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [] == [path for path in paths if not (page.parent / path).exists()]


def test_the_command_for_the_tests_is_the_one_that_is_run() -> None:
    """The README tells to run the tests as continuous integration runs them."""
    assert TEST_COMMAND in (ROOT / "README.md").read_text()
    assert TEST_COMMAND.replace("python3", '"$python"') in (ROOT / ".ci" / "run").read_text()


def test_the_changelog_has_the_current_version() -> None:
    """The version that is built has its own heading."""
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text()
