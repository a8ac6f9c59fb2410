"""The documentation site has everything; `nox --session site` builds it."""

from __future__ import annotations

import re

import pytest

from sequent_sa.replay.replay_state import ENDED, STEPS, State
from tests.rules.snippets import ROOT

DOCS = ROOT / "docs"
IN_THE_NAVIGATION = set(re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
PAGES = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("decisions/")])
def test_a_page_can_be_found(page: str) -> None:
    """Every page but the decisions stands in `nav` of mkdocs.yml."""
    assert page in IN_THE_NAVIGATION


def test_the_navigation_leads_to_pages() -> None:
    """Whatever stands in `nav` of mkdocs.yml is a page in docs/."""
    assert set() == IN_THE_NAVIGATION - set(PAGES)


def test_the_overview_of_concepts_leads_to_each() -> None:
    """Every page about a concept is linked from the first one."""
    links = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "concepts" / "index.md").read_text())
    assert sorted({page.name for page in (DOCS / "concepts").glob("*.md")} - {"index.md"}) == sorted(links)


def test_the_picture_of_a_replay_shows_every_step() -> None:
    """An arrow with the name of a command leads from each state in which it may be typed, and from no other."""
    text = (DOCS / "operations" / "replay.md").read_text()
    arrows = re.findall(r"^ *(\w+) --> (\w+): (\w+)$", text, re.MULTILINE)
    states = {**{str(state): [state] for state in State}, "progress": [each for each in State if each not in ENDED]}
    drawn = {(step, state) for start, _, step in arrows for state in states[start]}
    at_work = {("run", State.REPLAYING), ("catchup", State.CATCHING_UP)}  # once more, after it was killed
    commands = {"catch up": "catchup", "go live": "golive"}
    allowed = {(commands.get(step, step), state) for step, states in STEPS.items() for state in states}
    assert allowed - at_work == drawn
