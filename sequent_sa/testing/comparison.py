"""Expected and actual messages, and the first difference between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.matchers import Matcher
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.event import Event
from sequent_sa.messages.message import Message

Expected = Message | type[Message] | Matcher
"""A message, a class of messages, or a matcher."""

_HEADER = ("aggregate_id", "sequence_number", "created_at")


class _Like:
    def __init__(self, message: Message) -> None:
        self._message = message

    def matches(self, message: Message, /) -> bool:
        return difference(self._message, message) is None

    def __repr__(self) -> str:
        return f"like({self._message!r})"


def like(message: Message) -> Matcher:
    """Matches messages of exactly this class with equal attributes; of events the id, number and time do not count."""
    return _Like(message)


def compare(what: str, expected: Iterable[Expected | Iterable[Expected]], actual: Sequence[Message]) -> None:
    """Raise `AssertionError` with the first difference between what was expected and what there is, in order.

    `what` names the messages: "event" or "command".
    """
    __tracebackhide__ = True
    wanted = list(_flat(expected))
    for number, (want, message) in enumerate(zip(wanted, actual, strict=False), start=1):
        found = difference(want, message)
        if found:
            raise AssertionError(f"{what} {number} of {len(actual)}: {found}{_both(wanted, actual)}")
    if len(wanted) != len(actual):
        plural = f"{what}s" if len(wanted) != 1 else what
        raise AssertionError(f"expected {len(wanted)} {plural}, got {len(actual)}{_both(wanted, actual)}")


def difference(expected: Expected, message: Message) -> str | None:
    """How a message differs from what was expected, None when it does not."""
    if isinstance(expected, type):
        return None if type(message) is expected else f"expected {expected.__name__}, got {message!r}"
    if not isinstance(expected, Message):
        return None if expected.matches(message) else f"{message!r} does not match {expected!r}"
    if type(message) is not type(expected):
        return f"expected {type(expected).__name__}, got {message!r}"
    if _comparable(expected) == _comparable(message):
        return None
    wanted, actual = expected.to_dict(), message.to_dict()
    ignored = _HEADER if isinstance(message, Event) else ()
    lines = [
        f"  {name}: expected {wanted[name]!r}, got {actual[name]!r}"
        for name in wanted
        if name not in ignored and wanted[name] != actual[name]
    ]
    return "\n".join([f"{type(message).__name__} differs", *lines])


def _comparable(message: Message) -> object:
    # As JSON: what tells a test passed and production not is most often a value that comes back as another one.
    return encode_event(message) if isinstance(message, Event) else message


def _flat(expected: Iterable[Any]) -> Iterator[Expected]:
    for item in expected:
        if isinstance(item, type | Message) or hasattr(item, "matches"):
            yield _checked(item)
        elif isinstance(item, Iterable):
            yield from (_checked(each) for each in item)  # pyright: ignore[reportUnknownVariableType] # as users give it
        else:
            _checked(item)


def _checked(item: Any) -> Expected:
    is_class = isinstance(item, type) and issubclass(item, Message)
    is_instance = not isinstance(item, type) and isinstance(item, Message | Matcher)
    if not is_class and not is_instance:
        raise ConfigurationError(
            f"{item!r} cannot be compared with a message: give a message, a message class, or a matcher"
        )
    expected: Expected = item
    return expected


def _both(wanted: Sequence[Expected], actual: Sequence[Message]) -> str:
    return f"\n  expected: {_names(wanted)}\n  actual:   {_names(actual)}"


def _names(items: Sequence[object]) -> str:
    return ", ".join(map(_name, items)) or "none"


def _name(item: object) -> str:
    if isinstance(item, type):
        return item.__name__
    return type(item).__name__ if isinstance(item, Message) else repr(item)
