"""The documentation site has everything; `nox --session site` builds it."""

from __future__ import annotations

import re

import pytest

import sequent_sa
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


def test_the_reference_has_every_public_name_once() -> None:
    """What can be imported from `sequent_sa` is in docs/reference/, from its docstring."""
    text = "\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md")))
    documented = re.findall(r"^::: sequent_sa\.(\w+)$", text, re.MULTILINE)
    modules = {"audit"}
    assert sorted(sequent_sa.__all__) == sorted(name for name in documented if name not in modules)


def test_the_page_of_names_has_entries_in_the_reference() -> None:
    """Every name in the table of docs/interface.md is public, and has its entry in docs/reference/."""
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "interface.md").read_text(), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    text = "\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md")))
    assert "Sequent" in names
    assert [] == sorted(names - set(re.findall(r"^::: sequent_sa\.(\w+)$", text, re.MULTILINE)))
