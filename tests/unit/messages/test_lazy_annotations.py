"""Message classes without `from __future__ import annotations`, where Python 3.14 evaluates annotations late."""

import sys
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from uuid import uuid4

import pytest

from sequent_sa import Sequent
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.codec import decode_event, encode_event

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="needs names that are defined later: Python 3.14")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """The module of which this is the source."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "late_annotations", raising=False)

    def write(source: str) -> ModuleType:
        (tmp_path / "late_annotations.py").write_text(dedent(source))
        return import_module("late_annotations")

    return write


def test_names_may_be_defined_later(written: Callable[[str], ModuleType]) -> None:
    """The class itself, and one below it; what is stored reads back."""
    found = written("""
        from sequent_sa import Command, Event, ValueObject
        from datetime import date

        class Tree(ValueObject):
            name: str
            children: list[Tree] = []
            leaf: Leaf | None = None

        class Leaf(ValueObject):
            on: date

        class TreePlanted(Event):
            tree: Tree
    """)
    tree, leaf, planted = found.Tree, found.Leaf, found.TreePlanted
    event = planted(
        aggregate_id=uuid4(),
        sequence_number=1,
        tree=tree(name="a", children=[tree(name="b", leaf=leaf(on=date(2026, 1, 2)))]),
    )
    stored = encode_event(event)
    assert event == decode_event(planted, event.aggregate_id, 1, event.created_at, stored)


def test_a_mixin_may_annotate_late(written: Callable[[str], ModuleType]) -> None:
    """Its attributes and their rules are those of the message."""
    found = written("""
        from sequent_sa import Command, Event, ValueObject
        from typing import Annotated
        from sequent_sa import NotBlank

        class Named:
            name: Annotated[str, NotBlank()]
            leaf: Leaf | None = None

        class Plant(Command, Named):
            number: int = 1

        class Leaf(ValueObject):
            size: int
    """)
    command = found.Plant(aggregate_id=uuid4(), name=" ", leaf=found.Leaf(size=2))
    assert ["name"] == list(command.validate())


def test_a_name_that_never_comes_is_an_error(written: Callable[[str], ModuleType]) -> None:
    """It names class, attribute and type, as with text for annotations."""
    found = written("""
        from sequent_sa import Command, Event, ValueObject
        class Puzzle(Command):
            piece: NeverImported
    """)
    with pytest.raises(ConfigurationError, match=r"Puzzle\.piece: the type 'NeverImported' cannot be resolved"):
        Sequent("sqlite://").dry_run(found.Puzzle(aggregate_id=uuid4(), piece=1))


def test_an_aggregate_may_name_later_classes_in_its_state(written: Callable[[str], ModuleType]) -> None:
    """What it annotates is kept in snapshots."""
    found = written("""
        from sequent_sa import AggregateRoot, Event, ValueObject

        class Planted(Event):
            size: int

        class Garden(AggregateRoot):
            leaves: list[Leaf] = []
            first: Leaf | None = None

        class Leaf(ValueObject):
            size: int
    """)
    garden, other = found.Garden(uuid4()), found.Garden(uuid4())
    garden.leaves.append(found.Leaf(size=1))
    assert [] == other.leaves
