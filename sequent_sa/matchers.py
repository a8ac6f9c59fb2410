"""Which messages a handler wants, when the class alone does not say it: for use in `@on` and in tests."""

from sequent_sa.messages.matchers import (
    AttrMatcher,
    Matcher,
    TypedMatcher,
    any_message,
    eq,
    gt,
    gte,
    has_attrs,
    instance_of,
    is_a,
    lt,
    lte,
    neq,
)

__all__ = [
    "AttrMatcher",
    "Matcher",
    "TypedMatcher",
    "any_message",
    "eq",
    "gt",
    "gte",
    "has_attrs",
    "instance_of",
    "is_a",
    "lt",
    "lte",
    "neq",
]
