"""What a test looks like."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rules._sources import calls, files_with_tests, functions, name_of, tree


@pytest.mark.parametrize("path", files_with_tests(), ids=name_of)
def test_a_test_says_in_a_sentence_what_it_shows(path: Path) -> None:
    """Every test has a docstring."""
    tests = [node for node in functions(path) if node.name.startswith("test_")]
    assert [] == [node.name for node in tests if not ast.get_docstring(node)]


@pytest.mark.parametrize("path", files_with_tests(), ids=name_of)
def test_a_test_can_fail(path: Path) -> None:
    """Every test asserts, expects an error, or calls something whose name says that it checks."""
    tests = [node for node in functions(path) if node.name.startswith("test_")]
    assert [] == [node.name for node in tests if not any(map(_checks, ast.walk(node)))]


def _checks(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name.lstrip("_").startswith(("raises", "warns", "then_", "assert", "expect", "check", "fail"))


@pytest.mark.parametrize("path", files_with_tests(), ids=name_of)
def test_a_test_waits_for_something(path: Path) -> None:
    """A test sleeps only in a loop that looks again whether what it waits for has happened."""
    loops = [node for node in ast.walk(tree(path)) if isinstance(node, ast.While | ast.For)]
    in_loops = sum(list(calls(loop)).count("time.sleep") for loop in loops)
    assert list(calls(tree(path))).count("time.sleep") <= in_loops


@pytest.mark.parametrize("path", files_with_tests(), ids=name_of)
def test_a_test_uses_the_real_thing(path: Path) -> None:
    """No test imports a library of mocks."""
    imported = [
        alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert [] == [name for name in imported if "mock" in name.lower()]
