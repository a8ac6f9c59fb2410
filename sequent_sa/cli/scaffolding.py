"""Turns the template application into a new one.

The template is itself an application, so that it can be run, linted and type-checked: rendering replaces its own
name, in every text and every path.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from sequent_sa import _resources
from sequent_sa.exceptions import ConfigurationError

TEMPLATE_PACKAGE = "blog"
TEMPLATE_CAMEL_CASE = "Blog"

# Modules that a new application imports, or that lie beside its package.
_TAKEN = frozenset(
    {"sequent_sa", "sqlalchemy", "alembic", "pytest", "marshmallow", "msgspec", "click", "tests", "db"}
    | {"argon2", "mako", "psycopg", "psycopg_binary", "typing_extensions", "pluggy", "iniconfig", "packaging"}
)
_NOT_COPIED = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})


@dataclass(frozen=True, slots=True)
class ApplicationName:
    """The two forms of a name: `package` is snake_case, `camel_case` is for classes."""

    package: str
    camel_case: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Derive both forms: `blog-with_special-symbols` is the package `blog_with_special_symbols`.

        Raises `ConfigurationError` when that is no usable name for a Python package.
        """
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
        package = re.sub(r"[\s._-]+", "_", words).strip("_").lower()
        if not re.fullmatch(r"[a-z][a-z0-9_]*", package):
            raise ConfigurationError(
                f"{text!r} is no name for an application: begin with a letter, and use only letters a-z, digits, "
                "- and _, as in `sequent new my-app`"
            )
        if keyword.iskeyword(package) or package in sys.stdlib_module_names or package in _TAKEN:
            raise ConfigurationError(
                f"{text!r} is no name for an application: `import {package}` means something else in Python already; "
                f"choose another, as in `sequent new {package}-app`"
            )
        return cls(package, "".join(word.capitalize() for word in package.split("_")))

    def replace_in(self, text: str) -> str:
        """The template's text with this name instead of its own."""
        return text.replace(TEMPLATE_PACKAGE, self.package).replace(TEMPLATE_CAMEL_CASE, self.camel_case)


def directory_named(text: str) -> Path:
    """The directory that is meant, `~` included. Raises `ConfigurationError` for the home of nobody."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"{text!r} is no directory: there is no such home directory; write it out") from error


def render(name: ApplicationName, *templates: str) -> dict[str, str]:
    """The files of a new application, by path relative to it; a later template adds to the ones before."""
    scaffold = _resources.directory("scaffold")
    return {
        name.replace_in(path.relative_to(scaffold / template).as_posix()): name.replace_in(path.read_text("utf-8"))
        for template in templates
        for path in _files(scaffold / template)
    }


def write(files: Mapping[str, str], target: Path) -> None:
    """Write the files into a new directory, whole or not at all; parents are made.

    Raises `ConfigurationError` when the directory exists or cannot be written.
    """
    if os.path.lexists(target):
        raise ConfigurationError(f"{target} already exists, aborting: choose another name, or remove it first")
    made: list[Path] = []
    try:
        made = make_parents(target)
        unfinished = target.parent / f".{target.name}.{uuid4().hex}"
        made.append(unfinished)
        for path, text in files.items():
            file = unfinished / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        unfinished.rename(target)
    except BaseException as error:
        if made:
            shutil.rmtree(made[0], ignore_errors=True)
        if isinstance(error, OSError):
            raise ConfigurationError(f"{target} cannot be written: {error.strerror or error}") from error
        raise


def make_parents(target: Path) -> list[Path]:
    """Make what is missing above `target`; the topmost directory that was made, if any."""
    missing = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    return missing[-1:]


def _files(template: Path) -> Iterator[Path]:
    for path in sorted(template.rglob("*")):
        relative = path.relative_to(template)
        if path.is_file() and not _NOT_COPIED.intersection(relative.parts) and not relative.match("db/*.db*"):
            yield path
