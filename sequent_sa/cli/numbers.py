"""Numbers that are typed: those that every database and clock can hold."""

from __future__ import annotations

import click

_MOST = 2**31 - 1

ANY_NUMBER = click.IntRange(0, _MOST)
POSITIVE = click.IntRange(1, _MOST)
