"""Ids are time-ordered and parsed strictly."""

from __future__ import annotations

from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from sequent_sa.ids import new_uuid, parse_uuid

KNOWN = UUID("5e58a8c2-6595-41d5-9fea-cc5add7f91ec")


def test_ids_are_of_version_seven() -> None:
    """An id says of itself that it is a UUIDv7 of RFC 9562."""
    made = new_uuid()
    assert (7, "specified in RFC 4122") == (made.version, made.variant)


def test_ids_only_grow() -> None:
    """Each id is greater than the one before, also within one millisecond."""
    made = [new_uuid() for _ in range(10_000)]
    assert sorted(set(made)) == made


def test_ids_of_threads_differ() -> None:
    """Threads that make ids at the same time never make the same one."""
    made: list[UUID] = []
    threads = [Thread(target=lambda: made.extend([new_uuid() for _ in range(2_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8_000 == len(set(made))


def test_canonical_text_is_parsed() -> None:
    """The canonical form, and an id itself, are accepted."""
    assert [KNOWN, KNOWN, KNOWN] == [parse_uuid(KNOWN), parse_uuid(str(KNOWN)), parse_uuid(str(KNOWN).upper())]


@pytest.mark.parametrize("text", ["", "x", KNOWN.hex, f"{{{KNOWN}}}", f"urn:uuid:{KNOWN}", f"{KNOWN}\n"])
def test_other_forms_are_refused(text: str) -> None:
    """Forms that other libraries let through are errors that name the text."""
    with pytest.raises(ValueError, match="is not a UUID"):
        parse_uuid(text)


@pytest.mark.parametrize("value", [None, 3, b"x"])
def test_what_is_no_text_is_refused(value: Any) -> None:
    """With the error that wrong text gets."""
    with pytest.raises(ValueError, match="is not a UUID: give one, or its text"):
        parse_uuid(value)
