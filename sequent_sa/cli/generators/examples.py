"""Values for the attributes of messages, for the tests that are generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sequent_sa.cli.generators.attributes import Attribute, Import, Type, type_of
from sequent_sa.cli.generators.layout import call
from sequent_sa.cli.generators.names import Name
from sequent_sa.cli.generators.project import Project


@dataclass(frozen=True, slots=True)
class Example:
    """A message of the class `name` in `module`, with values for what it needs."""

    name: str
    module: str
    values: Sequence[tuple[str, Type]]

    @property
    def arguments(self) -> list[str]:
        """`title="text"` for each attribute."""
        return [f"{name}={known.value}" for name, known in self.values]

    @property
    def imports(self) -> set[Import]:
        """What code with the message has to import."""
        return {(self.module, self.name), *(each for _, known in self.values for each in known.value_imports)}

    def added_to(self, stream: str, width: int) -> str:
        """The statement that adds an event to a stream."""
        return call(f"{stream}.add", [self.name, *self.arguments], "", indent=4, width=width)


def of_attributes(attributes: Sequence[Attribute]) -> list[tuple[str, Type]]:
    """Values for what must be there."""
    return [(each.name, each.type) for each in attributes if not each.is_optional]


def begins_with(project: Project, owner: Name) -> Example | None:
    """The event with which an aggregate begins; None when it has attributes of types that only the application knows.

    Raises `ConfigurationError` when there is no such event.
    """
    module, name = f"{project.package}.domain.{owner.snake}.events", f"{owner.camel}Added"
    annotations = project.open_module(module).attributes(name)
    known = {attribute: type_of(annotation) for attribute, annotation in annotations.items()}
    values = [(attribute, found) for attribute, found in known.items() if found is not None]
    return Example(name, module, values) if len(values) == len(known) else None
