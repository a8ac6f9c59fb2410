"""Clocks that a test stopped go on after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sequent_sa import _clock


@pytest.fixture(autouse=True)
def _clock_goes_on() -> Iterator[None]:
    yield
    _clock.stop(None)
