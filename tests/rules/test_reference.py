"""The reference, docs/reference/, has whatever an application author may import."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

import sequent_sa
from tests.rules.snippets import ROOT, name, pages

DOCS = ROOT / "docs"
IMPORT = re.compile(r"^ *from (sequent_sa\.[\w.]+) import (\w.*)$", re.MULTILINE)
ENTRY = re.compile(r"^::: (sequent_sa[\w.]*)$", re.MULTILINE)


def paths() -> list[str]:
    """What the reference has entries for, in its order."""
    return ENTRY.findall("\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md"))))


@cache
def entries() -> dict[str, object]:
    """What is found under each path that the reference has."""
    return {path: found(path) for path in paths()}


def found(path: str) -> object:
    """The module that is called so, or what a module has under that name."""
    module, _, last = path.rpartition(".")
    here = importlib.import_module(module) if module else sequent_sa
    return getattr(here, last) if hasattr(here, last) else importlib.import_module(path)


def missing(wanted: list[str]) -> list[str]:
    """Those for which there is no entry, under this path or another one, nor one for the module that has them."""
    documented = list(entries().values())
    modules = {each.__name__ for each in documented if inspect.ismodule(each)}
    unknown = [path for path in wanted if path.rpartition(".")[0] not in modules]
    return [path for path in unknown if not any(found(path) is each for each in documented)]


def test_the_reference_has_every_public_name_once() -> None:
    """What can be imported from `sequent_sa` is there, from its docstring."""
    directly = [path.removeprefix("sequent_sa.") for path in paths() if path.count(".") == 1]
    assert sorted(sequent_sa.__all__) == sorted(each for each in directly if each != "audit")


@pytest.mark.parametrize("module", ["alembic", "diagnosis", "exceptions", "matchers", "testing", "testing.contracts"])
def test_the_reference_has_what_public_modules_export(module: str) -> None:
    """Each name in their `__all__`."""
    exported: list[str] = importlib.import_module(f"sequent_sa.{module}").__all__
    assert [] == missing([f"sequent_sa.{module}.{each}" for each in exported])


@pytest.mark.parametrize("page", [page for page in pages() if IMPORT.search(page.read_text())], ids=name)
def test_the_reference_has_what_a_page_imports(page: Path) -> None:
    """No page shows a name that may change without notice."""
    imports = IMPORT.findall(page.read_text())
    assert [] == missing([f"{module}.{each.strip()}" for module, names in imports for each in names.split(",")])


def test_what_has_an_entry_has_a_docstring() -> None:
    """Classes have one of their own, and do not show that of their base."""
    described = {
        path: vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
        for path, value in entries().items()
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)
    }
    assert [] == [path for path, text in described.items() if not text]
    assert len(described) > len(sequent_sa.__all__) - 5


def test_the_page_of_names_has_entries_in_the_reference() -> None:
    """Every name in the table of docs/interface.md has one; every public name but the errors stands there."""
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "interface.md").read_text(), re.MULTILINE)
    names = {each for row in rows for each in re.findall(r"`(\w+)`", row)}
    errors = {each for each in sequent_sa.__all__ if is_error(getattr(sequent_sa, each))}
    assert sorted(set(sequent_sa.__all__) - errors) == sorted(names)


def is_error(value: object) -> bool:
    """Whether it is one of the errors, which have a page of their own."""
    return inspect.isclass(value) and issubclass(value, sequent_sa.SequentError)
