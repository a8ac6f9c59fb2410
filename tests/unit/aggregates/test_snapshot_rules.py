"""What a class may say about its snapshots."""

from __future__ import annotations

import types
from typing import Any

import pytest

from sequent_sa import AggregateRoot
from sequent_sa.aggregates.snapshot import SnapshotRule
from sequent_sa.exceptions import ConfigurationError


def rule(**keywords: Any) -> SnapshotRule | None:
    """What a class with these keywords has."""
    order: type[AggregateRoot] = types.new_class("Order", (AggregateRoot,), keywords)
    return order.__snapshots__


def test_either_keyword_enables_snapshots() -> None:
    """After 20 events, at version 1, unless it is said otherwise."""
    assert rule() is None
    assert (20, 2) == rule(snapshot_version=2)
    assert (5, 1) == rule(snapshot_threshold=5)
    assert (5, 2) == rule(snapshot_threshold=5, snapshot_version=2)


def test_subclasses_inherit_and_change_them() -> None:
    """Each keyword for itself; None is without snapshots."""

    class Order(AggregateRoot, snapshot_threshold=5, snapshot_version=2):
        """With snapshots."""

    class Same(Order):
        """As its base."""

    class Later(Order, snapshot_threshold=9):
        """With a threshold of its own."""

    class Without(Order, snapshot_threshold=None):
        """Has none."""

    found = [each.__snapshots__ for each in (Same, Later, Without, Order)]
    assert [(5, 2), (9, 2), None, (5, 2)] == found


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "7", 2**31])
@pytest.mark.parametrize("keyword", ["snapshot_threshold", "snapshot_version"])
def test_both_are_whole_numbers(keyword: str, wrong: object) -> None:
    """Anything else is refused with the class, the keyword and what it got."""
    with pytest.raises(ConfigurationError, match=f"Order: {keyword} must be a whole number of 1 or more, not "):
        rule(**{keyword: wrong})


def test_a_version_of_nothing_is_refused() -> None:
    """Whoever has no snapshots has no version of them."""
    with pytest.raises(ConfigurationError, match="Order has no snapshots"):
        rule(snapshot_threshold=None, snapshot_version=2)


def test_a_misspelt_keyword_is_refused() -> None:
    """Together with those that there are."""
    with pytest.raises((ConfigurationError, TypeError), match="snapshot_threshold"):
        rule(snapshots_threshold=2)
