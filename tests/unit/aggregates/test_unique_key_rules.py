"""Which keys an aggregate holds: what its methods say, without what is None."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import pytest

from sequent_sa import AggregateRoot, ConfigurationError, unique_key


class Person(AggregateRoot):
    name: str | None = None
    email: str | None = None

    @unique_key("person_name")
    def _by_name(self) -> dict[str, object] | None:
        return {"name": self.name, "email": self.email}

    @unique_key("person_email")
    def _by_email(self) -> dict[str, object] | None:
        return {"email": self.email} if self.email else None


class Employee(Person):
    @unique_key("person_name")
    def _by_name(self) -> dict[str, object] | None:
        return {"badge": 7}


class Anything(AggregateRoot):
    def unique_keys(self) -> Mapping[str, Mapping[str, object]]:
        return {"anything": {"at": ["all", {"or": None}]}}


class Nothing(AggregateRoot):
    pass


def test_what_is_none_is_left_out() -> None:
    """Values that are None, and scopes of which nothing is left; keys follow the state."""
    person = Person(uuid4())
    assert {} == person.unique_keys()
    person.name = "Kim"
    assert {"person_name": {"name": "Kim"}} == person.unique_keys()
    person.email = "kim@sequent.io"
    both = {"name": "Kim", "email": "kim@sequent.io"}
    assert {"person_name": both, "person_email": {"email": "kim@sequent.io"}} == person.unique_keys()


def test_keys_are_inherited_and_overridden_like_methods() -> None:
    """A subclass computes a scope anew under the name that its parent uses, and keeps the others."""
    employee = Employee(uuid4())
    employee.email = "kim@sequent.io"
    assert {"person_name": {"badge": 7}, "person_email": {"email": "kim@sequent.io"}} == employee.unique_keys()


def test_a_class_may_say_its_keys_itself() -> None:
    """Any mapping; a class that says nothing has none, and the store is not told to look."""
    anything = Anything(uuid4()).event_stream()
    assert {"anything": {"at": ["all", {"or": None}]}} == anything.unique_keys
    assert Nothing(uuid4()).event_stream().unique_keys is None


def test_a_scope_is_an_identifier_and_has_one_method() -> None:
    """Mistakes are errors when the class is defined."""
    with pytest.raises(ConfigurationError, match="must be an identifier"):
        unique_key("person name")

    def other(self: AggregateRoot) -> dict[str, object] | None:
        return {"id": str(self.aggregate_id)}

    with pytest.raises(ConfigurationError, match="'person_name' is computed by both _by_name and other"):
        type("Twice", (Person,), {"other": unique_key("person_name")(other), "__module__": __name__})
