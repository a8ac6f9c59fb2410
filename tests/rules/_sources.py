"""The files that the rules are about."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from tests.rules.snippets import ROOT

PACKAGE = ROOT / "sequent_sa"


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), filename=str(path))


def package_files() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def files_with_tests() -> list[Path]:
    """Every module with tests."""
    return sorted((ROOT / "tests").rglob("test_*.py"))


def name_of(path: Path) -> str:
    """The path as it is said in the repository."""
    return path.relative_to(ROOT).as_posix()


def repository_files() -> list[Path]:
    """Every file that git has or would add; in a source distribution, which has no git, every file of text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for kind in ("py", "md", "toml", "ini", "mako", "yml") for path in ROOT.rglob(f"*.{kind}")]
    return sorted(path for path in found if path.is_file() and path.name != "py.typed")


def modules() -> Iterator[ModuleType]:
    """Every module of the package, imported."""
    for found in pkgutil.walk_packages([str(PACKAGE)], "sequent_sa."):
        yield importlib.import_module(found.name)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls(tree: ast.AST) -> Iterator[str]:
    """What is called in a tree, as it is written: `time.sleep`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            yield ast.unparse(node.func)
