"""Matchers choose messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.matchers import any_message, eq, gt, gte, has_attrs, instance_of, is_a, lt, lte, neq
from sequent_sa.messages.event import Event
from sequent_sa.messages.matchers import TypedMatcher
from sequent_sa.messages.value_object import ValueObject


class Money(ValueObject):
    cents: int
    currency: str = "EUR"


class Paid(Event):
    amount: Money | None = None
    note: str | None = None
    lines: list[Money] = []  # noqa: RUF012
    parts: dict[str, Money] = {}  # noqa: RUF012


class PaidTwice(Paid):
    second: int = 2


PAID = Paid(
    uuid4(), 1, amount=Money(cents=100), note="x", lines=[Money(cents=1), Money(cents=2)], parts={"a": Money(cents=3)}
)
TWICE = PaidTwice(uuid4(), 1)


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        (is_a(Paid), (True, True)),
        (is_a(Paid, except_=PaidTwice), (True, False)),
        (is_a(Paid, except_=[Paid]), (False, False)),
        (is_a(Paid, except_=[]), (True, True)),
        (any_message(), (True, True)),
        (any_message(except_=PaidTwice), (True, False)),
        (instance_of(Paid), (True, False)),
        (has_attrs(Paid, note="x"), (True, False)),
        (has_attrs(is_a(Paid), note=neq("x")), (False, True)),
        (has_attrs(is_a(Paid), note=None), (False, True)),
        (has_attrs(Paid, amount={"cents": gt(99), "currency": neq("USD")}), (True, False)),
        (has_attrs(Paid, amount={"cents": gt(100)}), (False, False)),
        (has_attrs(Paid, amount={"cents": gte(100)}), (True, False)),
        (has_attrs(Paid, amount={"cents": lt(100)}), (False, False)),
        (has_attrs(Paid, amount={"cents": lte(100)}), (True, False)),
        (has_attrs(Paid, amount=eq(Money(cents=100))), (True, False)),
        (has_attrs(is_a(Paid), amount={"cents": 100}), (True, False)),
        (has_attrs(is_a(Paid), note=gt("a")), (True, False)),
        (has_attrs(Paid, lines=[{"cents": 1}, {"cents": gt(1)}]), (True, False)),
        (has_attrs(Paid, lines=[{"cents": 1}]), (False, False)),
        (has_attrs(Paid, lines=[Money(cents=1), Money(cents=2)]), (True, False)),
        (has_attrs(is_a(Paid), lines=[]), (False, True)),
        (has_attrs(Paid, parts={"a": {"cents": lt(4)}}), (True, False)),
        (has_attrs(Paid, parts={"b": {"cents": lt(4)}}), (False, False)),
        (has_attrs(is_a(Paid), parts=eq({})), (False, True)),
        (has_attrs(any_message(), second=2), (False, True)),
        (has_attrs(has_attrs(Paid, note="x"), amount=neq(None)), (True, False)),
        (has_attrs(Paid, amount=is_a(Money)), (True, False)),
        (has_attrs(Paid, note=gt(None)), (False, False)),
    ],
)
def test_matching(matcher: Any, expected: tuple[bool, bool]) -> None:
    """A matcher answers for a message and for one of a subclass; None never compares as greater or less."""
    assert expected == (matcher.matches(PAID), matcher.matches(TWICE))


def test_matchers_are_values() -> None:
    """Two that say the same are equal and have one hash."""
    same = [has_attrs(Paid, amount={"cents": gt(1)}) for _ in range(2)]
    assert 1 == len(set(same))
    assert has_attrs(Paid, note="x") != has_attrs(Paid, note="y")
    assert (True, False, False) == (eq(1) == eq(1), eq(1) == neq(1), is_a(Paid) == is_a(PaidTwice))


@pytest.mark.parametrize(
    ("matcher", "shown"),
    [
        (is_a(Paid), "is_a(Paid)"),
        (is_a(Event, except_=[Paid, PaidTwice]), "is_a(Event, except_=[Paid, PaidTwice])"),
        (any_message(), "any_message()"),
        (any_message(except_=Paid), "any_message(except_=Paid)"),
        (
            has_attrs(Paid, note="x", amount={"cents": gt(1)}),
            "has_attrs(Paid, note='x', amount={cents: gt(1)})",
        ),
    ],
)
def test_representation(matcher: object, shown: str) -> None:
    """A matcher reads as it is written."""
    assert shown == repr(matcher)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: has_attrs(Paid), "at least one"),
        (lambda: has_attrs(Paid, nope=1), r"Paid has no attribute nope; its attributes are .*amount"),
        (lambda: has_attrs(is_a(Paid), second=1), "Paid has no attribute second"),
        (lambda: has_attrs(instance_of(Paid), nope=1), "Paid has no attribute nope"),
        (lambda: has_attrs(has_attrs(Paid, note="x"), nope=1), "Paid has no attribute nope"),
        (lambda: has_attrs(Paid, amount={"cnets": 1}), r"Money has no attribute amount\.cnets"),
        (lambda: has_attrs(Paid, lines=[{"cents": 1}, {"cnets": 1}]), r"Money has no attribute lines\.1\.cnets"),
        (lambda: has_attrs(Paid, parts={"a": {"cnets": 1}}), r"Money has no attribute parts\.a\.cnets"),
        (lambda: has_attrs(Paid, to_dict=1), "no attribute to_dict"),
        (lambda: has_attrs(Paid, __class__=Paid), "no attribute __class__"),
        (lambda: has_attrs(Paid, note={"x": 1}), r"Paid\.note is not a value object or dict"),
        (lambda: has_attrs(Paid, amount={}), r"amount=\{\} expects nothing"),
        (lambda: has_attrs(any_message(), amount={"x": {}}), r"amount\.x=\{\} expects nothing"),
        (lambda: has_attrs(cast("Any", str), note=1), "neither a message class nor a matcher"),
        (lambda: has_attrs(Money(cents=987), cents=1), r"has_attrs: a Money object is neither"),  # type: ignore[call-overload]
        (lambda: is_a("Paid"), "needs a class, not 'Paid'"),  # type: ignore[arg-type]
        (
            lambda: is_a(Paid, except_=cast("Any", "PaidTwice")),
            "except_ takes .*, not 'PaidTwice'",
        ),
        (lambda: any_message(except_=[None]), "except_ takes .* not None"),  # type: ignore[list-item]
        (lambda: any_message(except_=PAID), "except_ takes .* not a Paid object"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_are_found_when_a_matcher_is_made(make: Callable[[], object], said: str) -> None:
    """Nothing expected, attributes that do not exist, at any depth, and what is no class: never a silent mismatch."""
    with pytest.raises(ConfigurationError, match=said):
        make()


class StartsWith:
    """A matcher of attributes, as an application writes it."""

    def __init__(self, start: str) -> None:
        self.start = start

    def matches(self, value: object, /) -> bool:
        return isinstance(value, str) and value.startswith(self.start)


def test_any_object_with_matches_may_be_expected_of_an_attribute() -> None:
    """There is no registration, at any depth."""
    chosen = [has_attrs(Paid, amount={"currency": StartsWith(start)}).matches(PAID) for start in ("E", "U")]
    assert [True, False] == chosen


def test_the_order_of_exceptions_says_nothing() -> None:
    """Matchers that leave out the same classes are equal and read alike."""
    one, other = is_a(Event, except_=[Paid, PaidTwice]), is_a(Event, except_=(PaidTwice, Paid, Paid))
    assert (one, hash(one), repr(one)) == (other, hash(other), repr(other))


def test_attributes_are_asked_of_the_right_classes_only() -> None:
    """`has_attrs` is not asked about messages of classes that its matcher would never let through."""
    wanted: list[Any] = [has_attrs(Paid, note="x"), has_attrs(is_a(Paid), note="x"), has_attrs(any_message(), note="x")]
    assert [(None, False, False), (None, None, False), (None, None, None)] == [
        (each.matches_class(Paid), each.matches_class(PaidTwice), each.matches_class(Unpaid)) for each in wanted
    ]


class Unpaid(Event):
    pass


class Tagged(Paid):
    tags: list[str] = []  # noqa: RUF012

    @property
    def length(self) -> int:
        """How many tags there are."""
        return len(self.tags)


def test_an_overridden_accessor_decides() -> None:
    """`has_attrs` reads what everybody reads: properties too."""
    assert has_attrs(Tagged, length=gt(1)).matches(Tagged(uuid4(), 1, tags=["a", "b"]))
    assert not has_attrs(Tagged, length=gt(1)).matches(Tagged(uuid4(), 1))


def test_what_cannot_be_compared_is_named() -> None:
    """A matcher that makes no sense for an attribute is a mistake, not a message that does not match."""
    with pytest.raises(ConfigurationError, match=r"gt\(1\) was given a str"):
        has_attrs(Paid, note=gt(1)).matches(PAID)


VALUES = st.integers(-2, 2) | st.sampled_from([1.0, True, None, "x", 2.0]) | st.lists(st.integers(0, 1), max_size=1)
ATTR_MATCHERS = st.builds(lambda make, value: make(value), st.sampled_from([eq, neq, gt]), VALUES)
INSIDE = st.dictionaries(st.just("cents"), VALUES, min_size=1)
PLAIN = VALUES | ATTR_MATCHERS
EXPECTED = st.fixed_dictionaries(
    {"note": PLAIN}, optional={"amount": PLAIN | INSIDE, "lines": st.lists(PLAIN | INSIDE, max_size=2)}
)


@given(EXPECTED, EXPECTED)
def test_equal_matchers_have_equal_hashes(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Also with values that cannot be hashed, and with values of several types that are equal."""
    one, other = has_attrs(is_a(Paid), **first), has_attrs(is_a(Paid), **second)
    assert (one == other) == (first == second)
    assert one != other or hash(one) == hash(other)
    assert hash(one) == hash(has_attrs(is_a(Paid), **dict(reversed(first.items()))))
    assert repr(one) == repr(has_attrs(is_a(Paid), **first))


def test_a_typed_matcher_must_say_what_it_matches() -> None:
    """Forgetting it is found when the matcher is made."""

    class Forgetful(TypedMatcher[Paid]):
        pass

    with pytest.raises(TypeError, match="abstract method"):
        Forgetful()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage] # on purpose
