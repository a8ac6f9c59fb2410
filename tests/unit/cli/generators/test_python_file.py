"""Changing a file without touching what somebody wrote in it."""

from __future__ import annotations

import textwrap

import pytest

from sequent_sa.cli.generators.python_file import PythonFile
from sequent_sa.exceptions import ConfigurationError


def file(source: str | bytes, name: str = "shop.domain.post.post", width: int = 60) -> PythonFile:
    """A module of the shop."""
    content = source if isinstance(source, bytes) else textwrap.dedent(source).lstrip("\n").encode()
    return PythonFile(content, path="post.py", name=name, package="shop", width=width)


def after_import(source: str, module: str, name: str) -> str:
    """The text with one more import."""
    changed = file(source)
    changed.add_import(module, name)
    return changed.content.decode()


EVENTS = "shop.domain.post.events"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"from {EVENTS} import A, C\n", f"from {EVENTS} import A, B, C\n"),
        (f"from {EVENTS} import C  # why\n", f"from {EVENTS} import B, C  # why\n"),
        (f"from {EVENTS} import A\n", f"from {EVENTS} import A, B\n"),
        (f"from {EVENTS} import B\n", f"from {EVENTS} import B\n"),
        (f"from {EVENTS} import *\n", f"from {EVENTS} import *\n"),
        ("from .events import A\n", "from .events import A, B\n"),
        ("from shop.domain.post import B\n", "from shop.domain.post import B\n"),
        (
            f"from {EVENTS} import (\n    A,  # first\n    C,\n)\n",
            f"from {EVENTS} import (\n    A,  # first\n    B,\n    C,\n)\n",
        ),
        (f"from {EVENTS} import (\n    A,  # last\n)\n", f"from {EVENTS} import (\n    A,  # last\n    B,\n)\n"),
        (f"from {EVENTS} import (A, C)\n", f"from {EVENTS} import (A, B, C)\n"),
        (
            f"from {EVENTS} import AVeryLongName, TheNext\n",
            f"from {EVENTS} import (\n    AVeryLongName,\n    B,\n    TheNext,\n)\n",
        ),
        ("x = 1\n", f"from {EVENTS} import B\nx = 1\n"),
        ('"""A post."""\n', f'"""A post."""\n\nfrom {EVENTS} import B\n'),
        ("import os\n\nx = 1\n", f"import os\n\nfrom {EVENTS} import B\n\nx = 1\n"),
    ],
)
def test_a_name_is_imported_where_sorting_would_put_it(source: str, expected: str) -> None:
    """In the statement that is there, at its place, with all comments; in a new one otherwise; and once."""
    assert expected == after_import(source, EVENTS, "B")


IMPORTS = """
\"""A post.\"""

# About os.
import os
import sys
from typing import Any

# The framework.
from sequent_sa import on

from shop.domain import post


x = 1
"""


@pytest.mark.parametrize(
    ("module", "name", "line", "following"),
    [
        ("__future__", "annotations", "from __future__ import annotations\n", "# About os."),
        ("collections", "deque", "from collections import deque", "from typing"),
        ("zlib", "crc32", "from zlib import crc32", "\n# The framework."),
        ("datetime", " as dt", "import datetime as dt", "# About os."),
        ("pytest", "", "import pytest", "# The framework."),
        ("aiohttp", "web", "from aiohttp import web", "# The framework."),
        ("zope", "event", "from zope import event", "\nfrom shop.domain"),
        ("shop.app", "app", "from shop.app import app", "from shop.domain"),
        ("shop.records", "PostRecord", "from shop.records import PostRecord", "\n\nx = 1"),
    ],
)
def test_a_new_statement_stands_in_its_section(module: str, name: str, line: str, following: str) -> None:
    """Standard library, other packages, the application: apart, sorted, and comments stay with what they are about."""
    expected = IMPORTS.replace(following, f"{line}\n{following}", 1).lstrip("\n")
    assert expected == after_import(IMPORTS, module, name)


def test_a_name_that_means_something_else_is_refused() -> None:
    """Importing it would change what the rest of the module does."""
    for source in ("import datetime\n", "def datetime(): ...\n", "from mine import datetime\n", "datetime = 1\n"):
        with pytest.raises(
            ConfigurationError, match=r"shop.domain.post.post needs datetime of datetime, but has someth"
        ):
            after_import(source, "datetime", "datetime")
    assert "import datetime\nfrom datetime import date\n" == after_import("import datetime\n", "datetime", "date")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('__all__ = ["A", "C"]\n', '__all__ = ["A", "B", "C"]\n'),
        ('__all__ = ["B"]\n', '__all__ = ["B"]\n'),
        ("__all__ = []\n", '__all__ = ["B"]\n'),
        ('__all__ = (\n    "A",\n)\n', '__all__ = (\n    "A",\n    "B",\n)\n'),
        ('__all__ = [\n    "A",\n    "z",  # last\n]\n', '__all__ = [\n    "A",\n    "B",\n    "z",  # last\n]\n'),
        ('__all__ = ["A", *more]\n', '__all__ = ["A", *more]\n'),
        ("x = 1\n", "x = 1\n"),
    ],
)
def test_a_name_is_handed_on(source: str, expected: str) -> None:
    """`__all__` gets it, if there is a plain list; what is computed is left alone."""
    changed = file(source)
    changed.export("B")
    assert expected == changed.content.decode()


HANDLER = "    @on(B)\n    def b(self) -> None:\n        pass\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "class Post(Base):\n    @on(A)\n    def a(self):  # how\n        pass  # why\n\n"
            "    def other(self): ...  # end\n",
            "class Post(Base):\n    @on(A)\n    def a(self):  # how\n        pass  # why\n\n"
            f"{HANDLER}\n    def other(self): ...  # end\n",
        ),
        ("class Post: ...\n", f"class Post:\n{HANDLER}"),
        ("class Post:\n    pass\n\n\nx = 1\n", f"class Post:\n{HANDLER}\n\nx = 1\n"),
        ("class Post:\n    pass  # kept\n", f"class Post:\n    pass  # kept\n\n{HANDLER}"),
        ('class Post:\n    """Words."""\n', f'class Post:\n    """Words."""\n\n{HANDLER}'),
        ("class Post: x = 1; y = 2\n", f"class Post:\n    x = 1\n    y = 2\n\n{HANDLER}"),
        ("class Post:\n\tx = 1\n", "class Post:\n\tx = 1\n\n" + HANDLER.replace("    ", "\t")),
        (
            "class Post:\r\n  x = 1\r\n",
            "class Post:\r\n  x = 1\r\n\r\n" + HANDLER.replace("    ", "  ").replace("\n", "\r\n"),
        ),
    ],
)
def test_a_handler_stands_behind_the_last_one(source: str, expected: str) -> None:
    """At the end of a class without handlers; indented, and with line ends, as the file has them."""
    changed = file(source.encode())
    changed.insert_method("Post", HANDLER)
    assert expected.encode() == changed.content


def test_a_class_stands_at_the_end() -> None:
    """Two empty lines apart, with whatever is there unchanged."""
    changed = file("# -*- coding: latin-1 -*-\nx = 'ü'   # odd ,spacing\n".encode("latin-1"))
    changed.append("class B:\n    x: int\n")
    assert "# -*- coding: latin-1 -*-\nx = 'ü'   # odd ,spacing\n\n\nclass B:\n    x: int\n" == changed.content.decode(
        "latin-1"
    )


def test_what_is_no_python_is_refused() -> None:
    """The error names the file, in one line."""
    for source in ("class :\n", b"\xff\xfe\x00", "x = '\n"):
        with pytest.raises(ConfigurationError, match=r"^post.py cannot be read as Python: ") as raised:
            file(source)
        assert "\n" not in str(raised.value)
    with pytest.raises(ConfigurationError, match=r"^post.py has no class Post"):
        file("x = 1\n").insert_method("Post", HANDLER)
