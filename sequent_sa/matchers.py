"""Which messages a handler wants, when the class alone does not say it: for use in `@on` and in tests."""

from sequent_sa.messages.expectations import AttrMatcher, eq, gt, gte, lt, lte, neq
from sequent_sa.messages.matchers import Matcher, TypedMatcher, any_message, has_attrs, instance_of, is_a

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
