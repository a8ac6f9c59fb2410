"""Numbers that are typed: those that every database and clock can hold."""

from __future__ import annotations

import math
from typing import Any

import click

_MOST = 2**31 - 1

ANY_NUMBER = click.IntRange(0, _MOST)
POSITIVE = click.IntRange(1, _MOST)


class _Seconds(click.FloatRange):
    """A time of 0 or more seconds that ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


SECONDS = _Seconds(0)
