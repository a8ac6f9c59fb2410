"""The classes of an application fit together."""

from __future__ import annotations

import types
from typing import Any, cast

import pytest

from sequent_sa import AggregateRoot, CommandHandler, Event, Projector, Sequent, Workflow
from sequent_sa.exceptions import ConfigurationError, DuplicateTypeName


class First(Projector, name="Same", manages_tables=None):
    pass


class Second(Projector, name="Same", manages_tables=None):
    pass


class Mailing(Workflow):
    pass


def test_two_projectors_cannot_have_one_name() -> None:
    """The database would keep one state for both, and activate one with the other."""
    with pytest.raises(DuplicateTypeName) as raised:
        _ = Sequent("sqlite://", projectors=[First, Second]).parts
    assert ("Same", (First, Second)) == (raised.value.name, raised.value.classes)
    assert [Second] == Sequent("sqlite://", projectors=[Second]).parts.projectors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workflows": [Mailing()]}, "workflows: give classes, not <.*Mailing object"),
        ({"workflows": Mailing}, "workflows must be a list of classes"),
        ({"workflows": [Mailing, Mailing]}, "Mailing is registered 2 times"),
        ({"command_handlers": [Mailing]}, "command_handlers: Mailing is not a class of its own under CommandHandler"),
        ({"command_handlers": [CommandHandler]}, "CommandHandler is not a class of its own"),
        ({"projectors": ["First"]}, "projectors: give classes, not 'First'"),
    ],
)
def test_wrong_handlers_are_refused(options: dict[str, Any], said: str) -> None:
    """Each error names the option and the class."""
    with pytest.raises(ConfigurationError, match=said):
        _ = Sequent("sqlite://", **cast("Any", options)).parts


class Third(Projector, aliases=["Same"], manages_tables=None):
    pass


def test_an_alias_is_a_name_too() -> None:
    """The error says which class has it as an alias: another `name=` would not help."""
    with pytest.raises(DuplicateTypeName, match=r"it is an alias of Third, take it away from there"):
        _ = Sequent("sqlite://", projectors=[First, Third]).parts


def test_workflows_are_listed() -> None:
    """One can be found by its name."""
    app = Sequent("sqlite://", workflows=[Mailing])
    assert {workflow.__name__: workflow for workflow in app.workflows} == {"Mailing": Mailing}


def test_a_misspelt_class_keyword_is_refused() -> None:
    """The error names the class, the keyword, what was meant, and what there is."""
    options: Any = {"manages_tabels": None}
    with pytest.raises(
        ConfigurationError, match=r"Misspelt: unknown class keyword 'manages_tabels': did you mean manag"
    ):
        type("Misspelt", (Projector,), {}, **options)
    with pytest.raises(ConfigurationError, match=r"Misspelt: .* there is aliases, name"):
        type("Misspelt", (AggregateRoot,), {}, **options)


@pytest.mark.parametrize("base", [Projector, AggregateRoot, Event])
def test_aliases_are_a_list_of_names(base: Any) -> None:
    """One name may stand alone; anything else is an error that shows how to write it."""
    bases: Any = (base,)
    one: Any = types.new_class("One", bases, {"aliases": "Old"}, in_module)
    assert one.__type_aliases__ == ("Old",)
    with pytest.raises(ConfigurationError, match=r"None_: aliases=None must be a list of names"):
        types.new_class("None_", bases, {"aliases": None}, in_module)


def in_module(namespace: dict[str, Any]) -> None:
    """What a class statement does first."""
    namespace["__module__"] = __name__
