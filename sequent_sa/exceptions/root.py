"""The root of all errors, and those of the application itself."""

from __future__ import annotations


class SequentError(Exception):
    """The root of every error raised by `sequent_sa`."""


class ConfigurationError(SequentError):
    """The application, or the database it was given, is put together in a way that cannot work."""


class DuplicateTypeName(ConfigurationError):
    """Two classes of one application would be stored under the same name."""

    def __init__(self, name: str, first: type, second: type) -> None:
        self.name = name
        self.classes = (first, second)
        known_before = [cls for cls in self.classes if name in getattr(cls, "__type_aliases__", ())]
        advice = (
            f"give one of them another name, "
            f"as in `class {second.__name__}(..., name={second.__module__ + '.' + second.__name__!r})`"
        )
        if known_before:
            advice = f"it is an alias of {known_before[0].__qualname__}, take it away from there"
        super().__init__(
            f"{first.__module__}.{first.__qualname__} and {second.__module__}.{second.__qualname__} "
            f"are both stored as {name!r}: {advice}"
        )


class DatabaseNotReady(ConfigurationError):
    """A table that is needed does not exist, or is of an older version than this code."""


class ValueNotStorable(SequentError, ValueError):
    """A column cannot keep a value exactly as it is."""

    def __init__(self, value: object, what_to_do: str) -> None:
        self.value = value
        super().__init__(f"{value!r} cannot be stored exactly: {what_to_do}")


class UnitOfWorkError(SequentError):
    """A unit of work was used where it does not belong: by another thread or task, or when none is open."""
