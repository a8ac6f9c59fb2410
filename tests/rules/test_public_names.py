"""What an application author sees."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import sequent_sa
from tests.rules._sources import name_of, package_files, tree
from tests.rules.snippets import pages

PUBLIC = sorted(sequent_sa.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_exists(name: str) -> None:
    """Whatever `__all__` promises can be imported."""
    assert hasattr(sequent_sa, name)


def test_all_public_names_are_promised() -> None:
    """A name that `import sequent_sa` shows, other than a module, is in `__all__`."""
    shown = {name for name, value in vars(sequent_sa).items() if not (name.startswith("_") or inspect.ismodule(value))}
    assert set() == shown - set(sequent_sa.__all__) - {"TYPE_CHECKING"}


def test_checkers_see_what_is_imported() -> None:
    """What type checkers read, and what a program gets when it first uses a name, is the same."""
    imports = [node for node in ast.walk(tree(Path(sequent_sa.__file__))) if isinstance(node, ast.ImportFrom)]
    read = {alias.name: node.module for node in imports for alias in node.names if alias.name in sequent_sa.__all__}
    assert set(sequent_sa.__all__) == set(read)
    for name, module in read.items():
        assert getattr(importlib.import_module(str(module)), name) is getattr(sequent_sa, name)


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    """A mistyped name is what it is in every module, and `dir` shows the ones that exist."""
    with pytest.raises(AttributeError, match="module 'sequent_sa' has no attribute 'Comand'"):
        getattr(sequent_sa, "Comand")  # noqa: B009 - as a name, checkers refuse it
    assert set(PUBLIC) <= set(dir(sequent_sa))


def test_no_public_name_is_promised_twice() -> None:
    """`__all__` has every name once; ruff keeps it sorted."""
    assert len(sequent_sa.__all__) == len(set(sequent_sa.__all__))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_a_docstring_of_its_own(name: str) -> None:
    """A public class or function says what it does, and does not inherit the words of its base."""
    value = getattr(sequent_sa, name)
    if inspect.isclass(value):
        assert vars(value).get("__doc__")
    elif inspect.isroutine(value):
        assert value.__doc__


@pytest.mark.parametrize("name", PUBLIC)
def test_public_methods_have_docstrings(name: str) -> None:
    """So does every public method that a public class defines."""
    value = getattr(sequent_sa, name)
    members = vars(value).items() if inspect.isclass(value) and value.__module__.startswith("sequent_sa") else ()
    methods = [
        (member, method) for member, method in members if not member.startswith("_") and inspect.isfunction(method)
    ]
    assert [] == [member for member, method in methods if not inspect.getdoc(method)]


@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_a_module_has_a_docstring(path: Path) -> None:
    """Its first lines say what a module holds."""
    assert ast.get_docstring(tree(path))


def test_public_names_are_in_the_documentation() -> None:
    """The README or a page of docs/ has every public name; errors are in the drawing in exceptions instead."""
    text = "\n".join(page.read_text() for page in pages())
    names = [name for name in PUBLIC if not _is_error(getattr(sequent_sa, name))]
    assert [] == [name for name in names if not re.search(rf"\b{name}\b", text)]


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, sequent_sa.SequentError)
