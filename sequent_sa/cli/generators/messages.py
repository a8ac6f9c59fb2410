"""`sequent generate command` and `sequent generate event`."""

from __future__ import annotations

from collections.abc import Sequence

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.cli.generators.attributes import Attribute, parse_attributes
from sequent_sa.cli.generators.examples import Example, begins_with, of_attributes
from sequent_sa.cli.generators.layout import INDENT, call
from sequent_sa.cli.generators.names import Name
from sequent_sa.cli.generators.project import Project
from sequent_sa.cli.generators.python_file import PythonFile
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.messages.command import Command
from sequent_sa.messages.event import Event


def generate_command(project: Project, aggregate: str, text: str, given: Sequence[str]) -> list[str]:
    """A new command, its handler and its test. What to do next."""
    owner = project.aggregate(aggregate, "commands", "{}_command_handler")
    name = Name.parse(text, "a command")
    attributes = parse_attributes(given, Command)
    domain = f"{project.package}.domain.{owner.snake}"
    handlers, handler = project.open_module(f"{domain}.{owner.snake}_command_handler"), f"{owner.camel}CommandHandler"

    _add_message(project, domain, "commands", name, "Command", attributes)
    method = _free_name(handlers, handler, name.without(owner), name.snake, CommandHandler)
    head = call(f"def {method}", ["self", f"command: {name.camel}"], " -> None:", indent=4, width=project.width)
    handlers.insert_method(
        handler,
        f'    @on({name.camel})\n{head}\n        """{name.words}."""\n        self.aggregate(command, {owner.camel})\n',
    )
    for module, needed in (
        ("sequent_sa", "on"),
        (f"{domain}.commands", name.camel),
        (f"{domain}.{owner.snake}", owner.camel),
    ):
        handlers.add_import(module, needed)
    _write_test(project, owner, name, attributes, is_command=True)
    return [
        f"sequent generate event {owner.snake} ...",
        f"let {handler}.{method} call a method of {owner.camel} that applies it",
        f"say so in tests/domain/{owner.snake}/test_{name.snake}.py: sequent.then_events(...)",
    ]


def generate_event(project: Project, aggregate: str, text: str, given: Sequence[str]) -> list[str]:
    """A new event, its handler in the aggregate and its test. What to do next."""
    owner = project.aggregate(aggregate, "events", "{}")
    name = Name.parse(text, "an event")
    attributes = parse_attributes(given, Event)
    domain = f"{project.package}.domain.{owner.snake}"
    decides = project.open_module(f"{domain}.{owner.snake}")

    _add_message(project, domain, "events", name, "Event", attributes)
    method = _free_name(decides, owner.camel, f"_{name.without(owner)}", f"_{name.snake}", AggregateRoot)
    head = call(f"def {method}", ["self", f"event: {name.camel}"], " -> None:", indent=4, width=project.width)
    decides.insert_method(owner.camel, f"    @on({name.camel})\n{head}\n        pass\n")
    decides.add_import("sequent_sa", "on")
    decides.add_import(f"{domain}.events", name.camel)
    _write_test(project, owner, name, attributes, is_command=False)
    return [
        f"apply {name.camel} in a method of {owner.camel}",
        f"let {owner.camel}.{method} keep what later decisions need",
    ]


def _add_message(
    project: Project, domain: str, module: str, name: Name, base: str, attributes: Sequence[Attribute]
) -> None:
    for other in project.aggregates():
        path = project.module(f"{project.package}.domain.{other}.{module}")
        if path.is_file() and project.open(path, f"{project.package}.domain.{other}.{module}").has_class(name.camel):
            raise ConfigurationError(
                f"{name.camel} already exists, aborting: {project.package}/domain/{other}/{module}.py has it"
            )
    file = project.open_module(f"{domain}.{module}")
    for each in [("sequent_sa", base), *(found for attribute in attributes for found in attribute.type.imports)]:
        file.add_import(*each)
    lines = "".join(f"{INDENT}{attribute.declaration}\n" for attribute in attributes)
    file.append(f'class {name.camel}({base}):\n    """{name.words}."""\n{lines and chr(10) + lines}')
    file.export(name.camel)
    path = project.packages_file(domain)
    package = project.open(path, f"{domain}.__init__") if path.is_file() else None
    if package is not None and package.exports_from(f"{domain}.{module}"):
        package.add_import(f"{domain}.{module}", name.camel)
        package.export(name.camel)


def _free_name(file: PythonFile, owner: str, short: str, whole: str, base: type) -> str:
    taken = file.methods(owner)
    for name in (short, whole):
        if name not in taken and not hasattr(base, name) and name not in base.__annotations__:
            return name
    raise ConfigurationError(f"{owner} in {file.path} has a method {whole} already: rename it first")


def _write_test(
    project: Project, owner: Name, name: Name, attributes: Sequence[Attribute], *, is_command: bool
) -> None:
    domain = f"{project.package}.domain.{owner.snake}"
    if not project.open_module(f"{domain}.events").has_class(f"{owner.camel}Added"):
        return
    begin = begins_with(project, owner)
    if begin is None:
        return
    module = "commands" if is_command else "events"
    new = Example(name.camel, f"{domain}.{module}", of_attributes(attributes))
    body = [f"    {owner.snake}_id = uuid4()", f"    history = sequent.stream({owner.snake}_id)"]
    body.append(begin.added_to("history", project.width))
    if is_command:
        body.append("    sequent.given_events(history)")
        made = [f"aggregate_id={owner.snake}_id", *new.arguments]
        body.append(_nested("sequent.when_command", name.camel, made, project.width))
        body.append("    sequent.then_no_events()  # then_events(...), once the handler applies some")
    else:
        body.append(new.added_to("history", project.width))
        body.append("    sequent.given_events(history)")
        body.append("")
        body.append(f"    {owner.snake} = sequent.repository.load_aggregate({owner.snake}_id, {owner.camel})")
        body.append(f"    assert {owner.snake}.version == 2")
    says = f"A {owner.words.lower()} takes it." if is_command else "It is read back."
    test = project.fresh(f'"""{name.words}."""\n', f"tests.domain.{owner.snake}.test_{name.snake}")
    head = call(f"def test_{name.snake}", ["sequent: SequentFixture"], " -> None:", indent=0, width=project.width)
    test.append(f'{head}\n    """{says}"""\n' + "\n".join(body) + "\n")
    imports = {("uuid", "uuid4"), ("sequent_sa.testing", "SequentFixture"), *begin.imports, *new.imports}
    if not is_command:
        imports.add((f"{domain}.{owner.snake}", owner.camel))
    for each in sorted(imports):
        test.add_import(*each)
    project.create_test(f"domain/{owner.snake}/test_{name.snake}.py", test)


def _nested(outer: str, inner: str, arguments: Sequence[str], width: int) -> str:
    """`outer(inner(arguments))`, broken as formatters do it."""
    line = f"{INDENT}{outer}({inner}({', '.join(arguments)}))"
    if len(line) <= width:
        return line
    return f"{INDENT}{outer}(\n{call(inner, arguments, '', indent=8, width=width)}\n{INDENT})"
