"""Messages reach the methods that asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequent_sa import AggregateRoot, BaseCommand, Command, CommandHandler, Projector, Workflow
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.event import Event
from sequent_sa.messages.matchers import any_message, is_a
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_handler import MessageHandler, on


class Happened(Event):
    pass


class Special(Happened):
    pass


class Other(Event):
    pass


class Recorder(MessageHandler):
    def __init__(self) -> None:
        self.calls: list[str] = []


class Parent(Recorder):
    @on(is_a(Happened))
    def by_matcher(self, event: Happened) -> None:
        self.calls.append("by_matcher")

    @on(Happened)
    def first(self, event: Happened) -> None:
        self.calls.append("first")

    @on(Happened, Other)
    def second(self) -> None:
        self.calls.append("second")


def calls(handler: Recorder, event_type: type[Event]) -> list[str]:
    event = event_type(uuid4(), 1)
    handler.handle_message(event)
    assert bool(handler.calls) == handler.handles_message(event)
    return handler.calls


def test_exact_classes_come_first_then_matchers() -> None:
    """Every handler that wants the message gets it, with or without an argument."""
    assert ["first", "second", "by_matcher"] == calls(Parent(), Happened)


def test_a_class_means_exactly_that_class() -> None:
    """Subclasses only reach matchers."""
    assert ["by_matcher"] == calls(Parent(), Special)


def test_messages_that_nobody_wants_are_ignored() -> None:
    """Handling them is no error."""

    class Nothing(Recorder):
        pass

    assert [] == calls(Nothing(), Other)


def test_a_handler_is_called_once_for_each_message() -> None:
    """Also when several of its selectors match."""

    class Twice(Recorder):
        @on(Happened, is_a(Event), any_message())
        def handle(self, event: Event) -> None:
            self.calls.append("handle")

    assert ["handle"] == calls(Twice(), Happened)


def test_handlers_are_inherited_and_overridden() -> None:
    """An override without @on keeps the route; one with @on has its own; None switches it off."""

    class Child(Parent):
        def first(self, event: Happened) -> None:
            self.calls.append("child's first")

        @on(Special)
        def by_matcher(self, event: Happened) -> None:  # type: ignore[override] # it gets fewer messages
            self.calls.append("child's by_matcher")

        second = None  # type: ignore[assignment] # the point of the test

    assert ["child's first"] == calls(Child(), Happened)
    assert ["child's by_matcher"] == calls(Child(), Special)
    assert [] == calls(Child(), Other)


def test_handled_types_are_the_named_classes() -> None:
    """What matchers let through is not listed, but known to be there."""
    assert ((Happened, Other), True) == (Parent.handled_types(), Parent.has_matchers())


@pytest.mark.parametrize("selectors", [(), (None,), (str,), ("Happened",), (Happened, Happened)])
def test_wrong_selectors_are_refused(selectors: tuple[Any, ...]) -> None:
    """No selectors, duplicates, and what is neither message class nor matcher."""
    with pytest.raises(ConfigurationError, match="@on"):
        on(*selectors)


def test_duplicates_are_listed_once() -> None:
    """The error names what is there more than once."""
    with pytest.raises(ConfigurationError, match=r"@on names Happened more than once"):
        on(Happened, Happened, Happened)


def test_handlers_take_at_most_the_message() -> None:
    """A second required parameter would fail when the message comes; it fails when the class is defined."""
    with pytest.raises(ConfigurationError, match=r"Bad\.handle must take the message"):

        class Bad(MessageHandler):
            @on(Happened)  # type: ignore[arg-type] # the point of the test
            def handle(self, event: Happened, more: int) -> None: ...


def test_any_object_with_matches_is_a_matcher() -> None:
    """There is no registration."""

    class FirstOnly:
        def matches(self, message: Message, /) -> bool:
            return isinstance(message, Event) and message.sequence_number == 1

    class Handler(Recorder):
        @on(FirstOnly())
        def handle(self) -> None:
            self.calls.append("handle")

    assert ["handle"] == calls(Handler(), Other)


def test_options_are_passed_to_their_class_tree() -> None:
    """The callback gets the class, the selectors and the value; other trees do not know the option."""
    seen: list[tuple[str, Sequence[Any], Any]] = []

    class Tree(MessageHandler):
        pass

    Tree.register_option("unique", lambda cls, selectors, value: seen.append((cls.__name__, selectors, value)))

    class Leaf(Tree):
        @on(Happened, unique=("a",))
        def handle(self) -> None: ...

    assert [("Leaf", (Happened,), ("a",))] == seen
    with pytest.raises(ConfigurationError, match="registered already"):
        Leaf.register_option("unique", lambda cls, selectors, value: None)
    with pytest.raises(ConfigurationError, match="no option 'unqiue'; registered options: unique"):

        class Misspelt(Tree):
            @on(Happened, unqiue=1)
            def handle(self) -> None: ...

    with pytest.raises(ConfigurationError, match="there are none"):

        class Elsewhere(MessageHandler):
            @on(Happened, unique=1)
            def handle(self) -> None: ...


class Counting:
    """Counts how often it is asked, about classes and about messages."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.classes = 0
        self.messages = 0

    def matches(self, _message: Message, /) -> bool:
        self.messages += 1
        return True

    def matches_class(self, _message_type: type[Message], /) -> bool | None:
        self.classes += 1
        return self.answer


def test_what_depends_on_the_class_is_asked_once() -> None:
    """Matchers are asked for each message, those by class once for each class; routes by class alone never."""
    of_class, of_message, never = Counting(True), Counting(None), Counting(False)
    calls: list[str] = []

    class Asking(MessageHandler):
        @on(Happened)
        def exact(self) -> None:
            calls.append("exact")

        @on(of_class)
        def by_class(self) -> None:
            calls.append("class")

        @on(of_message)
        def by_message(self) -> None:
            calls.append("message")

        @on(never)
        def nothing(self) -> None:
            calls.append("nothing")

        @on(Happened, of_message, of_class)
        def several(self) -> None:
            calls.append("several")

    handler = Asking()
    for _ in range(3):
        handler.handle_message(Happened(uuid4(), 1))
    assert calls == ["exact", "several", "class", "message"] * 3
    assert [(1, 0), (1, 3), (1, 0)] == [(each.classes, each.messages) for each in (of_class, of_message, never)]


def test_the_cost_does_not_grow_with_the_number_of_handlers() -> None:
    """Of a hundred handlers for other classes not one is looked at."""
    others = [type(f"Other{number}", (Event,), {"__module__": __name__}) for number in range(100)]
    looked_at: list[str] = []

    def method(number: int) -> Any:
        def handle(_self: object) -> None:
            looked_at.append(str(number))

        return on(others[number])(handle)

    crowded: Any = type("Crowded", (MessageHandler,), {f"on_{number}": method(number) for number in range(100)})
    handler = crowded()
    handler.handle_message(others[42](uuid4(), 1))
    assert looked_at == ["42"]
    assert len(handler._plan(others[42](uuid4(), 1))) == 1


class Wish(Command):
    pass


class MatchesByName:
    matches = "no method"


async def a_coroutine(_self: object, _event: Event) -> None: ...


def a_generator(_self: object, _event: Event) -> Any:
    yield


def a_method(_self: object, _event: Any) -> None: ...


def no_parameter() -> None: ...


@pytest.mark.parametrize(
    ("base", "attributes", "said"),
    [
        (Workflow, lambda: {"handle": on(Happened)(a_coroutine)}, "a_coroutine: handlers run at once"),
        (Workflow, lambda: {"handle": on(Happened)(a_generator)}, "a_generator: handlers run at once"),
        (Workflow, lambda: {"handle": on(Happened)(on(Other)(fresh(a_method)))}, "has @on twice"),
        (Workflow, lambda: {"handle": on(Happened)(cast("Any", staticmethod(a_method)))}, "not a staticmethod"),
        (
            Workflow,
            lambda: {"handle": staticmethod(on(Happened)(fresh(a_method)))},
            "Bad.handle: .* not a staticmethod",
        ),
        (Workflow, lambda: {"handle": on(Happened)(fresh(no_parameter))}, "Bad.handle must take self"),
        (
            Workflow,
            lambda: {"handle": on(cast("Any", MatchesByName()))(fresh(a_method))},
            "give message classes, or matchers",
        ),
        (Workflow, lambda: {"handle": on(Wish)(fresh(a_method))}, "Bad.handle: Wish is no Event"),
        (AggregateRoot, lambda: {"handle": on(Wish)(fresh(a_method))}, "Bad.handle: Wish is no Event"),
        (Projector, lambda: {"handle": on(Wish)(fresh(a_method))}, "Bad.handle: Wish is no Event"),
        (CommandHandler, lambda: {"handle": on(Happened)(fresh(a_method))}, "Bad.handle: Happened is no BaseCommand"),
        (Workflow, lambda: {"handle": on(Event)(fresh(a_method))}, r"write is_a\(Event\)"),
        (CommandHandler, lambda: {"handle": on(BaseCommand)(fresh(a_method))}, r"write is_a\(BaseCommand\)"),
        (
            Workflow,
            lambda: {"after_commit": on(Happened)(fresh(a_method))},
            "hides a method of Workflow",
        ),
        (CommandHandler, lambda: {"handle_message": on(Wish)(fresh(a_method))}, "hides a method of MessageHandler"),
        (Parent, lambda: {"first": a_coroutine}, "Bad.first overrides a handler and must be a method"),
        (Parent, lambda: {"first": 3}, "Bad.first overrides a handler and must be a method"),
    ],
)
def test_handlers_that_could_never_work_are_refused(
    base: type[Any], attributes: Callable[[], dict[str, Any]], said: str
) -> None:
    """When the class is defined, naming the method: else they would be silent, or fail at the first message."""
    with pytest.raises(ConfigurationError, match=said):
        type("Bad", (base,), {"__module__": __name__, **attributes()})


def fresh(function: Callable[..., Any]) -> Any:
    """A copy, since a mark stays on a function."""
    return FunctionType(function.__code__, globals(), function.__name__)


def test_an_error_does_not_show_what_a_message_holds() -> None:
    """A message in the place of its class is named by its class."""
    with pytest.raises(ConfigurationError, match=r"@on\(a Happened object\)"):
        on(cast("Any", Happened(uuid4(), 1)))


@given(st.lists(st.sampled_from([Happened, Special, Other, is_a(Happened), any_message(except_=Other)]), max_size=5))
def test_a_message_is_wanted_when_it_is_handled(selectors: list[Any]) -> None:
    """For any handlers, `handles_message` and what is called agree with what each selector says."""
    body = {f"on_{number}": on(each)(recording(number)) for number, each in enumerate(selectors)}
    handler: Any = type("Random", (Recorder,), {"__module__": __name__, **body})()
    for event_type in (Happened, Special, Other):
        event = event_type(uuid4(), 1)
        wanted = [
            str(number)
            for number, each in enumerate(selectors)
            if (type(event) is each if isinstance(each, type) else each.matches(event))
        ]
        handler.calls.clear()
        handler.handle_message(event)
        assert (wanted, bool(wanted)) == (sorted(handler.calls), handler.handles_message(event))


def recording(number: int) -> Callable[[Any, Any], None]:
    """A method that leaves its number."""

    def handle(self: Any, _event: Any) -> None:
        self.calls.append(str(number))

    return handle
