"""Where the process reads and writes: whatever the shell has made of it, a command must be able to use it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path


def make_streams_usable() -> None:
    """Let streams that were closed (`<&-`) be empty, and write what an encoding does not have as an escape."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open as long as the process lives
            setattr(sys, name, nothing)
    reconfigure: Callable[..., None] | None = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def is_read_to_the_end() -> bool:
    """Print what is still to be printed; False when the other end of stdout is closed, as in `| head -1`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor will Python complain at its end
        return False
    return True
