"""Rules that hold on some occasions only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.error_texts import run_validator

_contexts: ContextVar[frozenset[str]] = ContextVar("sequent_sa_validation_contexts", default=frozenset())


def current_contexts() -> frozenset[str]:
    """The contexts in which a command is being validated: for rules that are written as methods of a schema."""
    return _contexts.get()


class validating_in:
    """Validate in these contexts inside the block.

    Raises `ConfigurationError` for a single text, which would be taken for its letters.
    """

    def __init__(self, contexts: Iterable[str]) -> None:
        if isinstance(contexts, str):
            raise ConfigurationError(f"validation contexts are a list of names: write [{contexts!r}]")
        self._wanted = frozenset(contexts)

    def __enter__(self) -> None:
        self._token = _contexts.set(self._wanted)

    def __exit__(self, *_: object) -> None:
        _contexts.reset(self._token)


class when:
    """A validator that guards an attribute in one context: `Annotated[str | None, when("publish", NotBlank())]`.

    The context is what `execute_commands(..., validation_contexts=["publish"])` names. `NotBlank` refuses None there,
    so that an attribute which may be missing can be required.
    """

    sees_none = True

    def __init__(self, context: str, *validators: Callable[[Any], Any]) -> None:
        if not validators:
            raise ConfigurationError(f"when({context!r}) has no validator: say what is to hold then")
        self.context = context
        self.validators = validators

    def __call__(self, value: Any) -> None:
        """Run the validators. Raises `marshmallow.ValidationError`."""
        if self.context not in _contexts.get():
            return
        for validator in self.validators:
            if value is not None or getattr(validator, "refuses_none", False):
                run_validator(validator, value)

    def __repr__(self) -> str:
        return f"when({self.context!r}, {', '.join(map(repr, self.validators))})"
