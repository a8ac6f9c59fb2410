"""What a method must be to handle messages; mistakes are reported when its class is defined."""

from __future__ import annotations

import inspect
from typing import Any

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.message import Message

MARK = "__sequent_on__"
"""Where `@on` leaves the selectors and options on a method."""


def check_definition(
    handler: type, wanted: type[Message], name: str, value: object, selectors: tuple[Any, ...]
) -> None:
    """Refuse a marked value that is no method, hides one of the framework, or selects what is not `wanted`.

    Raises `ConfigurationError`, naming the handler's class and the method.
    """
    where = f"{handler.__name__}.{name}"
    if not inspect.isfunction(value):
        raise ConfigurationError(f"{where}: @on marks methods that take self, not {described(value)}")
    for base in handler.__mro__[1:]:
        own = base is object or base.__module__.partition(".")[0] == __name__.partition(".")[0]
        if own and name in vars(base) and not hasattr(vars(base)[name], MARK):
            raise ConfigurationError(f"{where} hides a method of {base.__name__}: choose another name for the handler")
    for selector in selectors:
        if not isinstance(selector, type):
            continue
        if not issubclass(selector, wanted):
            raise ConfigurationError(
                f"{where}: {selector.__name__} is no {wanted.__name__}, so it never comes here; commands go to a "
                "CommandHandler, events to an AggregateRoot, Projector or Workflow"
            )
        if selector is wanted:
            raise ConfigurationError(
                f"{where}: no message is exactly of {selector.__name__}: name its subclasses, "
                f"or write is_a({selector.__name__})"
            )


def takes_message(handler: type, name: str, method: Any) -> bool:
    """Whether a handler takes the message, or no argument. Raises `ConfigurationError` when it takes anything else."""
    if not callable(method) or is_lazy(method):
        raise ConfigurationError(
            f"{handler.__name__}.{name} overrides a handler and must be a method that runs at once, "
            "or None to switch the handler off"
        )
    signature = list(inspect.signature(method).parameters.values())
    if not signature:
        raise ConfigurationError(f"{handler.__name__}.{name} must take self, and the message or nothing")
    parameters = signature[1:] if signature[0].kind is not inspect.Parameter.VAR_POSITIONAL else signature
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = [each for each in parameters if each.default is each.empty and each.kind in _NEEDED]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY for each in needed):
        raise ConfigurationError(f"{handler.__name__}.{name} must take the message, or no argument besides self")
    return bool(positional) or any(each.kind is each.VAR_POSITIONAL for each in parameters)


_NEEDED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


def described(value: object) -> str:
    """What a value is, in an error."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def is_lazy(method: Any) -> bool:
    """Whether calling a function does not run it: a coroutine or a generator."""
    checks = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(check(method) for check in checks)
