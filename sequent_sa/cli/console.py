"""`sequent console`: Python with the application at hand."""

from __future__ import annotations

import code
import importlib
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from sequent_sa.cli.app import ApplicationFinder, pass_finder

if TYPE_CHECKING:
    from sequent_sa import Sequent


@click.command()
@pass_finder
def console(finder: ApplicationFinder) -> None:
    """Start Python with the application loaded: `app`, its classes by their names, and a `session`.

    That is IPython or ptpython where one is installed. What comes through a pipe is run as a program: when it fails,
    the exit status is 1.

    Example: sequent console
    """
    app = finder.application
    with app.session() as session:
        names: dict[str, Any] = {**_classes(app), "app": app, "session": session}
        if not sys.stdin.isatty():
            _run(sys.stdin.read(), names)
            return
        click.echo(f"{finder.import_name} on {app.engine.url!r}, {app.environment}\napp, session, {_listed(names)}")
        next(start for module, start in _SHELLS.items() if find_spec(module) is not None)(names)


def _classes(app: Sequent) -> dict[str, type]:
    parts = app.parts
    classes: list[type] = [
        *parts.command_handlers,
        *parts.projectors,
        *(record for projector in parts.projectors for record in projector.managed_tables or ()),
        *parts.workflows,
        *parts.type_names.events.values(),
        *parts.type_names.commands.values(),
        *parts.aggregates,
    ]
    return {each.__name__: each for each in classes}


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(name for name, value in names.items() if isinstance(value, type)))


def _run(program: str, names: Mapping[str, Any]) -> None:
    exec(compile(program, "<stdin>", "exec"), {"__name__": "__console__", **names})


def _python(names: dict[str, Any]) -> None:
    if find_spec("readline") is not None:
        readline, rlcompleter = importlib.import_module("readline"), importlib.import_module("rlcompleter")
        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    code.interact("", local=names, exitmsg="")


def _ipython(names: dict[str, Any]) -> None:
    importlib.import_module("IPython").start_ipython(argv=["--no-banner"], user_ns=names)


def _ptpython(names: dict[str, Any]) -> None:
    importlib.import_module("ptpython.repl").embed(names, names)


_SHELLS: dict[str, Callable[[dict[str, Any]], None]] = {"IPython": _ipython, "ptpython": _ptpython, "code": _python}
"""By the module that each of them is."""
