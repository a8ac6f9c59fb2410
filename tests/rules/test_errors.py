"""One root for all errors, and a drawing of the tree that is true."""

from __future__ import annotations

import inspect
import re

from sequent_sa import exceptions
from sequent_sa.exceptions import SequentError
from tests.rules._sources import modules
from tests.rules.snippets import ROOT

_LINE = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+)")


def _drawn() -> dict[str, str | None]:
    """Class name → parent's name, as the docstring of the module draws them."""
    parents: dict[str, str | None] = {}
    path: list[tuple[int, str]] = []
    for line in (exceptions.__doc__ or "").splitlines()[1:]:
        if match := _LINE.match(line.removeprefix("    ")):
            depth = len(match["branch"])
            while path and path[-1][0] >= depth:
                path.pop()
            parents[match["name"]] = path[-1][1] if path else None
            path.append((depth, match["name"]))
    return parents


def _defined() -> dict[str, str | None]:
    classes = (each for each in vars(exceptions).values() if inspect.isclass(each))
    own = [each for each in classes if each.__module__.startswith(exceptions.__name__)]
    return {
        each.__name__: next((base.__name__ for base in each.__bases__ if issubclass(base, SequentError)), None)
        for each in own
    }


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    """Every error is drawn under its parent, and nothing is drawn that does not exist."""
    assert _drawn() == _defined()


def test_every_error_has_one_root() -> None:
    """Catching SequentError catches whatever the package raises by itself."""
    found = {
        f"{each.__module__}.{each.__name__}": issubclass(each, SequentError)
        for module in modules()
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, BaseException) and each.__module__.startswith("sequent_sa.")
    }
    assert [] == sorted(name for name, derived in found.items() if not derived)
    assert "sequent_sa.exceptions.root.SequentError" in found


def test_every_error_is_public() -> None:
    """All of them can be imported from `sequent_sa.exceptions`, with a docstring of their own."""
    undocumented = [name for name in _defined() if not vars(exceptions)[name].__doc__]
    assert [] == undocumented


def test_the_documentation_says_what_to_do_about_every_error() -> None:
    """The page about errors has one line for each class, with something in it, and none for what does not exist."""
    text = (ROOT / "docs" / "concepts" / "errors.md").read_text().partition("## What to do about each")[2]
    what_to_do = re.findall(r"^\| \*?`(\w+)`\*? \| \S.* \|$", text, re.MULTILINE)
    assert sorted(_defined()) == sorted(what_to_do)


def test_the_reference_has_every_error() -> None:
    """Once, by the name under which it is imported."""
    text = (ROOT / "docs" / "reference" / "errors.md").read_text()
    assert sorted(_defined()) == sorted(re.findall(r"^::: sequent_sa\.(?:exceptions\.)?(\w+)$", text, re.MULTILINE))
