"""`sequent generate`: code for an application that is there."""

from __future__ import annotations

import click

from sequent_sa.cli.commands import Lazy, LazyGroup

_COMMANDS = "sequent_sa.cli.generators.commands"

GENERATORS = {
    "aggregate": Lazy(
        f"{_COMMANDS}:aggregate", "A new aggregate, with a command, an event, a command handler and a test."
    ),
    "command": Lazy(f"{_COMMANDS}:command", "A new command of an aggregate, with its handler and a test."),
    "event": Lazy(f"{_COMMANDS}:event", "A new event of an aggregate, with its handler there and a test."),
    "projector": Lazy(
        f"{_COMMANDS}:projector", "A projector for the events of an aggregate, with its record and a test."
    ),
    "workflow": Lazy(f"{_COMMANDS}:workflow", "A workflow that reacts to the events of an aggregate, with a test."),
}


@click.group(cls=LazyGroup, lazy=GENERATORS)
def generate() -> None:
    """Write code for the application in this directory; nothing is overwritten."""
