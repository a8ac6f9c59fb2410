"""The application whose code grows, and the changes that are collected before any of them is made."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from sequent_sa import _resources
from sequent_sa._narrowing import is_mapping
from sequent_sa.cli.generators.names import Name
from sequent_sa.cli.generators.python_file import PythonFile
from sequent_sa.cli.scaffolding import TEMPLATE_PACKAGE, make_parents
from sequent_sa.configuration import Configuration
from sequent_sa.exceptions import ConfigurationError

USUAL_WIDTH = 88


class Project:
    """The application of a configuration: `root` is its directory, `package` the name of its package.

    Files are changed in memory; `write` writes all of them, `diff` shows what that would do. Raises
    `ConfigurationError` outside of an application.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.root = configuration.root
        self.package = configuration.app.partition(":")[0].partition(".")[0]
        self._sources = next((each for each in (self.root, self.root / "src") if (each / self.package).is_dir()), None)
        if self._sources is None or not self.package:
            raise ConfigurationError(
                f"the application is {configuration.app}, but {self.root} has no directory {self.package}: "
                "run this in the directory of an application that `sequent new` has made"
            )
        self.width = _line_length(self.root)
        self._opened: dict[Path, PythonFile] = {}
        self._new: dict[Path, str] = {}

    def module(self, name: str) -> Path:
        """The file of a module: `blog.domain.post.events`."""
        assert self._sources is not None
        return self._sources.joinpath(*name.split(".")).with_suffix(".py")

    def packages_file(self, name: str) -> Path:
        """The `__init__.py` of a package."""
        return self.module(name).with_suffix("") / "__init__.py"

    def aggregate(self, text: str, *modules: str) -> Name:
        """The aggregate of this name. Raises `ConfigurationError` unless it has these modules; `{}` is its name."""
        name = Name.of_aggregate(text)
        domain = f"{self.package}.domain.{name.snake}"
        for module in modules:
            path = self.module(f"{domain}.{module.format(name.snake)}")
            if not path.is_file():
                known = ", ".join(self.aggregates()) or "none"
                raise ConfigurationError(
                    f"aggregate {text!r} not found, aborting: there is no {self._shown(path)}; there are {known}"
                )
        return name

    def aggregates(self) -> list[str]:
        """The names of all aggregates."""
        domain = self.packages_file(f"{self.package}.domain").parent
        return sorted(each.parent.name for each in domain.glob("*/__init__.py"))

    def open_module(self, name: str) -> PythonFile:
        """The file of a module, for changing it. Raises `ConfigurationError` when it cannot be read."""
        return self.open(self.module(name), name)

    def open(self, path: Path, name: str) -> PythonFile:
        """A file, for changing it; `name` is that of its module."""
        if path not in self._opened:
            try:
                source = path.read_bytes()
            except OSError as error:
                raise ConfigurationError(f"{self._shown(path)} cannot be read: {error.strerror}") from error
            self._opened[path] = PythonFile(
                source, path=self._shown(path), name=name, package=self.package, width=self.width
            )
        return self._opened[path]

    def fresh(self, text: str, name: str) -> PythonFile:
        """A module that is no file yet, for building one."""
        return PythonFile(text.encode(), path=name, name=name, package=self.package, width=self.width)

    def create(self, path: Path, text: str) -> None:
        """Add a new file. Raises `ConfigurationError` when there is something of that name."""
        self.refuse_existing(path)
        self._new[path] = text

    def create_test(self, path: str, file: PythonFile) -> None:
        """Add a file below `tests`."""
        self.create(self.root / "tests" / path, file.content.decode())

    def refuse_existing(self, path: Path) -> None:
        """Raises `ConfigurationError` when there is something of that name."""
        if os.path.lexists(path):
            raise ConfigurationError(f"{self._shown(path)} already exists, aborting: choose another name, or remove it")

    def create_from(self, template: str, name: Name) -> None:
        """Add the files of a template of the scaffold, under another name."""
        scaffold = _resources.directory("scaffold") / template
        assert self._sources is not None
        for path in sorted(scaffold.rglob("*.py")):
            relative = path.relative_to(scaffold)
            above = self._sources if relative.parts[0] == TEMPLATE_PACKAGE else self.root
            renamed = self._renamed(relative.as_posix(), name)
            self.create(above / renamed, self._renamed(path.read_text("utf-8"), name))

    def changes(self) -> Iterator[tuple[str, bytes | None, bytes]]:
        """What is new and what is different: the path, the content that is there, and the new one."""
        for path, text in self._new.items():
            yield self._shown(path), None, text.encode()
        for path, file in self._opened.items():
            before = path.read_bytes()
            if before != file.content:
                yield self._shown(path), before, file.content

    def diff(self) -> str:
        """The changes as a unified diff."""
        lines: list[str] = []
        for path, before, after in self.changes():
            old, new = (before or b"").decode().splitlines(keepends=True), after.decode().splitlines(keepends=True)
            lines += difflib.unified_diff(old, new, "/dev/null" if before is None else f"a/{path}", f"b/{path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def write(self) -> None:
        """Write all changes, or none. Raises `ConfigurationError` when a file cannot be written."""
        with ExitStack() as undo:
            for shown, before, after in list(self.changes()):
                path = self.root / shown
                try:
                    for made in make_parents(path):
                        undo.callback(shutil.rmtree, made)
                    _replace(path, after)
                except OSError as error:
                    raise ConfigurationError(f"{shown} cannot be written: {error.strerror}") from error
                undo.callback(_restore, path, before)
            undo.pop_all()

    def _renamed(self, text: str, name: Name) -> str:
        names = {
            TEMPLATE_PACKAGE: self.package,
            "post": name.snake,
            "Post": name.camel,
            "Add post": f"Add {name.snake.replace('_', ' ')}",
            "Post added": f"{name.words} added",
        }
        renamed = re.sub("|".join(sorted(names, key=len, reverse=True)), lambda found: names[found[0]], text)
        # The order of imports depends on the names.
        imports = rf"(^from {self.package}\..*\n)+"
        return re.sub(imports, lambda found: "".join(sorted(found[0].splitlines(True))), renamed, flags=re.MULTILINE)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        beside.write_bytes(content)
        if path.exists():
            beside.chmod(path.stat().st_mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _restore(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink()
    else:
        _replace(path, before)


def _line_length(root: Path) -> int:
    path = root / "pyproject.toml"
    value: Any = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    for name in ("tool", "ruff", "line-length"):
        value = value.get(name) if is_mapping(value) else None
    return value if isinstance(value, int) else USUAL_WIDTH
