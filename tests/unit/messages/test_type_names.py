"""Stored names belong to one application."""

from __future__ import annotations

from typing import Any

import pytest

from sequent_sa import AggregateRoot
from sequent_sa.exceptions import ConfigurationError, DuplicateTypeName, UnknownEventType
from sequent_sa.messages.command import BaseCommand, Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames, declared_commands, declared_events


class Sent(Event, name="Invoices::Sent", aliases=("Mailed", "Posted")):
    pass


class Opened(Event):
    pass


class Open(Command):
    pass


class Invoice:
    __type_name__ = "Invoice"
    __type_aliases__ = ("Bill",)


NAMES = TypeNames(events=[Sent, Opened], commands=[Open], aggregates=[Invoice], retired_events=["Gone"])


def test_names_and_aliases_lead_to_the_class() -> None:
    """Rows of renamed classes are found."""
    assert [Sent, Sent, Sent] == [NAMES.event_class(name) for name in ("Invoices::Sent", "Mailed", "Posted")]
    assert (Open, Invoice) == (NAMES.command_class("Open"), NAMES.aggregate_class("Bill"))


def test_the_stored_name_is_the_first() -> None:
    """Aliases are only for reading."""
    assert ("Invoices::Sent", "Opened") == (NAMES.name_of(Sent), NAMES.name_of(Opened))
    assert ("Invoices::Sent", "Mailed", "Posted", "Opened") == NAMES.names_of([Sent, Opened, Sent])


def test_retired_events_have_no_class() -> None:
    """They are skipped, not unknown."""
    assert None is NAMES.event_class("Gone")


def test_unknown_names_are_errors() -> None:
    """The error says how the name can be declared."""
    with pytest.raises(UnknownEventType, match="'Never'"):
        NAMES.event_class("Never")
    with pytest.raises(UnknownEventType, match="no command class"):
        NAMES.command_class("Never")
    with pytest.raises(UnknownEventType, match="no aggregate class"):
        NAMES.aggregate_class("Never")


def test_one_name_for_two_classes_is_an_error() -> None:
    """The error names both."""

    class Other(Event, aliases=("Opened",)):
        pass

    with pytest.raises(DuplicateTypeName) as raised:
        TypeNames(events=[Opened, Other])
    assert ("Opened", (Opened, Other)) == (raised.value.name, raised.value.classes)


def test_two_applications_may_use_one_name() -> None:
    """There is no global registry."""

    class Other(Event, name="Opened"):
        pass

    assert (Opened, Other) == (NAMES.event_class("Opened"), TypeNames(events=[Other]).event_class("Opened"))


def test_a_name_in_use_cannot_be_retired() -> None:
    """Its events would be lost from sight."""
    with pytest.raises(ConfigurationError, match="'Mailed' is retired"):
        TypeNames(events=[Sent], retired_events=["Mailed"])


def test_a_reloaded_class_takes_the_place_of_the_old_one() -> None:
    """Same module and same qualified name."""

    def define() -> Any:
        class Reloaded(Event):
            pass

        return Reloaded

    old, new = define(), define()
    assert new is TypeNames(events=[old, new]).event_class("Reloaded")
    assert (False, True) == (old in declared_events(), new in declared_events())


def test_declared_classes_are_found_by_inheritance() -> None:
    """The framework's own base classes are not among them."""
    assert {Sent, Opened} <= set(declared_events())
    assert (True, False, False) == tuple(each in declared_commands() for each in (Open, Command, BaseCommand))


@pytest.mark.parametrize("name", [3, "", " ", "a\0b", "\ud800"])
def test_what_cannot_be_stored_is_no_name(name: Any) -> None:
    """The error names the class, or the option; without it the database would say so at the first event."""

    class Odd(Event, aliases=[name]):
        pass

    with pytest.raises(ConfigurationError, match=r"Odd: .* cannot be the name of a stored type"):
        TypeNames(events=[Odd])
    with pytest.raises(ConfigurationError, match=r"retired_events: .* cannot be the name"):
        TypeNames(retired_events=[name])


def test_one_retired_name_is_not_a_list_of_letters() -> None:
    """Text is iterable, and would retire every letter."""
    with pytest.raises(ConfigurationError, match=r"such as \['Gone'\]"):
        TypeNames(retired_events="Gone")


def test_one_alias_may_be_given_as_text() -> None:
    """For events and aggregates alike."""

    class Single(Event, aliases="Double"):
        pass

    class Root(AggregateRoot, aliases="Stem"):
        pass

    names = TypeNames(events=[Single], aggregates=[Root])
    assert (Single, Root) == (names.event_class("Double"), names.aggregate_class("Stem"))


def test_all_commands_are_listed_by_name() -> None:
    """An unknown name, and that of an event, lead to nothing."""
    assert NAMES.commands == {"Open": Open}
    assert [Open, None, None] == [NAMES.commands.get(name) for name in ("Open", "Opened", "Unknown")]
