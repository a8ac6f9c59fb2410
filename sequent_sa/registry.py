"""Finding the classes of an application in its packages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import TypeVar

from sequent_sa.exceptions import ConfigurationError

T = TypeVar("T")


def import_packages(names: Sequence[str]) -> list[ModuleType]:
    """Import packages with everything in them, so that their classes are known.

    Raises `ConfigurationError` for a package that does not exist; errors inside its modules are passed on.
    """
    modules: list[ModuleType] = []
    for name in names:
        try:
            root = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
                raise
            raise ConfigurationError(
                f"packages={list(names)!r}: there is no module {name!r}; correct the name, or install the package "
                "(`pip install -e .`)"
            ) from error
        modules.append(root)
        if hasattr(root, "__path__"):
            for module in pkgutil.walk_packages(root.__path__, name + "."):
                if not module.name.endswith(".__main__"):
                    modules.append(importlib.import_module(module.name))
    return modules


def classes_in(modules: Iterable[ModuleType], base: type[T]) -> list[type[T]]:
    """The concrete subclasses of `base` that these modules define, in the order of modules and definitions.

    A class that sets `__abstract__ = True` itself is left out; its subclasses are not.
    """
    found: dict[type[T], None] = {}
    for module in modules:
        for value in vars(module).values():
            if not inspect.isclass(value) or not issubclass(value, base) or value is base:
                continue
            if value.__module__ == module.__name__ and not vars(value).get("__abstract__", False):
                found[value] = None
    return list(found)


def modules_of(classes: Iterable[type]) -> Iterator[ModuleType]:
    """The modules that define some classes, each once."""
    for name in dict.fromkeys(cls.__module__ for cls in classes):
        yield importlib.import_module(name)
