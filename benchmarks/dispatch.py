"""What it costs to find the handlers of an event, as the number of handlers for other events grows.

Prints nanoseconds for each event, medians of interleaved rounds.
"""

from __future__ import annotations

import statistics
import time
from typing import Any
from uuid import uuid4

from sequent_sa import Event, Workflow, on
from sequent_sa.matchers import has_attrs, is_a

SIZES = (1, 10, 100, 1_000)
ROUNDS, EVENTS = 9, 5_000
TYPES: list[Any] = [type(f"Happened{number}", (Event,), {"__module__": __name__}) for number in range(max(SIZES))]
SELECTORS: dict[str, Any] = {
    "the class": lambda event_type: event_type,
    "is_a": is_a,
    "has_attrs": lambda event_type: has_attrs(event_type, sequence_number=1),
}


def workflow(kind: str, size: int) -> Any:
    """A workflow with one handler for each of `size` classes of events."""

    def method(event_type: Any) -> Any:
        def handle(_self: object, _event: Event) -> None: ...

        return on(SELECTORS[kind](event_type))(handle)

    body = {f"on_{number}": method(event_type) for number, event_type in enumerate(TYPES[:size])}
    return type("Handlers", (Workflow,), {"__module__": __name__, **body})()


def measured(handler: Any, event: Event) -> float:
    """Nanoseconds for one event."""
    start = time.perf_counter_ns()
    for _ in range(EVENTS):
        handler.handle_message(event)
    return (time.perf_counter_ns() - start) / EVENTS


def main() -> None:
    """Measure, and print one line for each way to choose and each number of handlers."""
    event = TYPES[0](uuid4(), 1)
    handlers = {(kind, size): workflow(kind, size) for kind in SELECTORS for size in SIZES}
    times: dict[tuple[str, int], list[float]] = {key: [] for key in handlers}
    for _ in range(ROUNDS):
        for key, handler in handlers.items():
            times[key].append(measured(handler, event))
    for (kind, size), found in times.items():
        print(f"{kind:10} {size:5} handlers {statistics.median(found):10.0f} ns")


if __name__ == "__main__":
    main()
