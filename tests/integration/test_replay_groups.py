"""The store is divided into groups of whole aggregates, without gaps, whatever is in it."""

from __future__ import annotations

import gc
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from sequent_sa import Sequent, on
from sequent_sa.replay import groups
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.groups import Bound, Group, cut, planned
from sequent_sa.tables import aggregates, events
from tests import blog
from tests.blog import CommentAdded, PostAdded, PostRecord
from tests.integration.test_replay import add_posts, context, titles

NAMES = ["PostAdded", "PostTitleChanged", "CommentAdded"]
POSTS = 30
MORE = 2_500


def plan(app: Sequent, group_size: int, least: int) -> list[Group]:
    """The groups."""
    with app.engine.begin() as connection:
        return planned(app.dialect, connection, NAMES, group_size, least)


def ids(app: Sequent, group: Group) -> set[UUID]:
    """The aggregates that have events in a group."""
    with app.engine.begin() as connection:
        return set(connection.scalars(select(events.c.aggregate_id).where(*group.conditions())))


def assert_without_gaps(found: list[Group]) -> None:
    """From the beginning to the end, each where the one before it ends; numbered from one."""
    assert [None, *(group.upper for group in found)] == [*(group.lower for group in found), None]
    inner = [group.lower for group in found if group.lower is not None]
    assert sorted(set(inner)) == inner
    assert list(range(1, len(found) + 1)) == [group.number for group in found]


bounds = st.builds(Bound, st.sampled_from(["", "a", "b"]), st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n)))


@given(st.dictionaries(bounds, st.integers(1, 50)), st.integers(1, 60))
def test_any_aggregates_are_cut_into_groups(counts: dict[Bound, int], target: int) -> None:
    """Each has the target, but for the last, and none goes on once it has; together they have every event."""
    counted = sorted(counts.items())
    found = cut(counted, target)
    assert_without_gaps(found)
    assert sum(counts.values()) == sum(group.events for group in found)
    assert all(group.events >= target for group in found[:-1])
    for group in found:
        own = [number for bound, number in counted if _holds(group, bound)]
        assert sum(own) == group.events
        assert sum(own[:-1]) < target


def _holds(group: Group, bound: Bound) -> bool:
    return (group.lower is None or group.lower <= bound) and (group.upper is None or bound < group.upper)


def test_an_empty_store_is_one_group(app: Sequent) -> None:
    """Which covers everything."""
    assert [Group(1)] == plan(app, 100, 8)


@pytest.mark.parametrize(("group_size", "least", "number"), [(1_000, 1, 1), (1_000, 8, 8), (9, 1, 10), (1, 1, POSTS)])
def test_groups_have_whole_aggregates(app: Sequent, group_size: int, least: int, number: int) -> None:
    """So many as are asked for at least, and more where they would be too large; with several partition keys too."""
    posts = add_posts(app, POSTS)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        moved = aggregates.c.aggregate_id.in_(posts[::2])  # and their events with them
        connection.execute(update(aggregates).where(moved).values(events_partition_key="x"))
    found = plan(app, group_size, least)
    assert_without_gaps(found)
    assert number == len(found)
    assert 3 * POSTS == sum(group.events for group in found)
    each = [ids(app, group) for group in found]
    assert (set(posts), POSTS) == (set().union(*each), sum(map(len, each)))


@pytest.mark.parametrize("samples", [1, 500])
def test_a_large_store_is_sampled(app: Sequent, monkeypatch: pytest.MonkeyPatch, samples: int) -> None:
    """The groups are then of estimated sizes, and have every event all the same."""
    monkeypatch.setattr(groups, "_MOST_COUNTED", -1)
    monkeypatch.setattr(groups, "_SAMPLES_A_GROUP", samples)
    monkeypatch.setattr(groups, "count_events", None)
    posts = add_posts(app, POSTS)
    found = plan(app, 9, 4)
    assert_without_gaps(found)
    assert samples == 1 or len(found) >= 4
    monkeypatch.setattr(groups, "_MOST_SAMPLES", 3)
    assert len(plan(app, 1, 4)) <= POSTS // 2
    each = [ids(app, group) for group in found]
    assert (set(posts), POSTS) == (set().union(*each), sum(map(len, each)))


class Watching(blog.PostProjector, name="PostProjector"):
    """Looks at what is in memory."""

    rows: ClassVar[list[int]] = []
    events: ClassVar[list[int]] = []

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        super().added(event)
        self.rows.append(len(self.find_records(PostRecord, {})))

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        super().commented(event)
        if event.sequence_number % 500 == 0:
            self.events.append(sum(type(each) is CommentAdded for each in gc.get_objects()))


def test_what_a_process_holds_is_bounded(app: Sequent) -> None:
    """The rows of one group, and some hundred events, however many there are, of one aggregate too."""
    long, *_ = add_posts(app, POSTS)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        comment = connection.execute(select(events).where(events.c.aggregate_id == long)).mappings().all()[-1]
        more = [{**comment, "sequence_number": 4 + number} for number in range(MORE)]
        connection.execute(insert(events), more)
    Watching.rows.clear()
    Watching.events.clear()
    replay = Replay.create(context(app, projectors=(Watching,), group_size=10), [Watching])
    replay.prepare()
    replay.run()
    assert (POSTS, MORE // 500) == (len(Watching.rows), len(Watching.events))
    assert max(Watching.rows) <= 4
    assert max(Watching.events) <= 1_100
    replay.optimize()
    replay.go_live()
    assert [("ben 0", 1 + MORE)] == titles(app)[:1]
