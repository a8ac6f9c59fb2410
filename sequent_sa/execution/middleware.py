"""What surrounds the execution of each command, and what looks at it first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.form_params import Params

Request = BaseCommand | Params[Any]
"""A command, or raw parameters that will become one."""

Next = Callable[[Request], None]
"""The rest of what is done for a command; what is given to it goes on in place of the command."""

Middleware = Callable[[Request, Next], None]
"""Gets a command and the continuation. Without calling it, the command is not executed."""

Filter = Callable[[Request], Request | None]
"""Looks at a command before validation. It may raise, or return the command that goes on in its place."""


def onion(middleware: Sequence[Middleware], core: Next) -> Next:
    """Wrap `core` in middleware, the first one outermost."""
    for layer in reversed(middleware):
        core = partial(_through, layer, core)
    return core


def _through(layer: Middleware, inner: Next, request: Request) -> None:
    layer(request, inner)
