"""`sequent generate aggregate`."""

from __future__ import annotations

from sequent_sa.cli.generators.names import Name
from sequent_sa.cli.generators.project import Project
from sequent_sa.exceptions import ConfigurationError

# Each would be a second module of that name.
_MODULES = frozenset({"commands", "events", "domain"})


def generate_aggregate(project: Project, text: str) -> list[str]:
    """A new aggregate with one command and one event, and its test. What to do next."""
    name = Name.of_aggregate(text)
    if name.snake in _MODULES:
        raise ConfigurationError(
            f"{text!r} is no name for an aggregate: there is a module of that name in each of them"
        )
    domain = f"{project.package}.domain.{name.snake}"
    package = project.packages_file(domain)
    project.refuse_existing(package.parent)
    project.refuse_existing(project.module(domain))
    classes = {
        "commands": f"Add{name.camel}",
        "events": f"{name.camel}Added",
        name.snake: name.camel,
        f"{name.snake}_command_handler": f"{name.camel}CommandHandler",
    }
    file = project.fresh(f'"""{name.words}."""\n\n__all__ = []\n', f"{domain}.__init__")
    for module, exported in classes.items():
        file.add_import(f"{domain}.{module}", exported)
        file.export(exported)
    project.create(package, file.content.decode())
    project.create_from("aggregate", name)
    return [
        f"sequent generate command {name.snake} ...",
        f"sequent generate event {name.snake} ...",
        f"sequent generate projector {name.snake}",
    ]
