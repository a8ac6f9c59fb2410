"""Matchers choose messages."""

from __future__ import annotations

from typing import Any
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


class PaidTwice(Paid):
    pass


PAID = Paid(uuid4(), 1, amount=Money(cents=100), note="x")
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


def test_expectations_are_checked_when_they_are_made() -> None:
    """None at all, and names that the class does not have, are errors."""
    with pytest.raises(ConfigurationError, match="at least one"):
        has_attrs(Paid)
    with pytest.raises(ConfigurationError, match=r"Money has no attribute amount\.cnets"):
        has_attrs(Paid, amount={"cnets": 1})
    with pytest.raises(ConfigurationError, match="needs a class"):
        is_a("Paid")  # type: ignore[arg-type] # the point of the test


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
EXPECTED = st.dictionaries(st.sampled_from(["note", "amount"]), VALUES | ATTR_MATCHERS | INSIDE, min_size=1)


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
