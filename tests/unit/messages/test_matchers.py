"""Matchers choose messages."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.matchers import any_message, eq, gt, gte, has_attrs, instance_of, is_a, lt, lte, neq
from sequent_sa.messages.event import Event
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
