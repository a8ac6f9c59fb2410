"""The contract of event stores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from sequent_sa.messages.type_names import TypeNames
from sequent_sa.testing.contracts.domain import TYPE_NAMES
from sequent_sa.testing.contracts.machine import EventStoreMachine
from sequent_sa.testing.contracts.snapshot_machine import SnapshotMachine
from sequent_sa.testing.contracts.store_under_test import StoreUnderTest
from sequent_sa.testing.contracts.story import Story

_CHECKS = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def check_event_store(
    open_store: Callable[[TypeNames], AbstractContextManager[StoreUnderTest]], *, examples: int = 50, steps: int = 30
) -> None:
    """Hold a store to what an event store does. Raises `AssertionError` with the shortest story in which it fails.

    `open_store` gets the names of the types that will be stored, and gives an empty store for each of `examples`
    stories; what it opened is closed after each. In a story of at most `steps` steps events are appended to aggregates,
    at their versions and at others, in transactions that are open side by side; streams are loaded, read and deleted,
    keys taken, moved, swapped and refused, events read on from positions; those of a retired type are in no answer; in
    half of the stories snapshots are kept and needed, too. Each answer is compared with that of a plain model.

    A store may refuse what is wrong at once or, as one that sends what it writes at the end, when its transaction is
    committed; until then nobody else waits for a transaction that has only written.
    """

    half = settings(
        max_examples=max(examples // 2, 1),
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=set(settings().phases) - {Phase.explain},
        suppress_health_check=_CHECKS,
    )
    for kind in (EventStoreMachine, SnapshotMachine):
        run_state_machine_as_test(_opening(kind, partial(open_store, TYPE_NAMES)), settings=half)


def _opening(kind: type[Story], open_store: Callable[[], AbstractContextManager[StoreUnderTest]]) -> type[Story]:
    def begin(story: Story) -> None:
        kind.__init__(story, open_store)

    return type("Stories", (kind,), {"__init__": begin})
