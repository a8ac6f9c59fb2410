"""`sequent generate projector` and `sequent generate workflow`."""

from __future__ import annotations

from sequent_sa.cli.generators.examples import Example, begins_with
from sequent_sa.cli.generators.layout import call
from sequent_sa.cli.generators.names import Name
from sequent_sa.cli.generators.project import Project
from sequent_sa.cli.generators.python_file import PythonFile


def generate_projector(project: Project, aggregate: str) -> list[str]:
    """A projector for the events of an aggregate, its record and its test. What to do next."""
    owner = project.aggregate(aggregate, "events")
    begin = begins_with(project, owner)
    project.open_module(f"{project.package}.records.view_record")
    project.create_from("projector", owner)
    record, records = f"{owner.camel}Record", f"{project.package}.records"
    _list(project, "records", f"{owner.snake}_record", record, "What is read: SQLAlchemy classes on the view tables.")
    _list(
        project, "projectors", f"{owner.snake}_projector", f"{owner.camel}Projector", "What keeps records up to date."
    )
    if begin is not None:
        made = call("event = " + begin.name, _event(begin), "", indent=4, width=project.width)
        body = [
            made,
            "    sequent_projector.project(event)",
            "",
            f"    assert sequent_projector.session.get({record}, event.aggregate_id) is not None",
        ]
        test = _test(
            project, owner, "projector", ["sequent_projector: ProjectorFixture"], "A new one has a record.", body
        )
        for each in [
            *begin.imports,
            ("sequent_sa.testing", "ProjectorFixture"),
            (f"{records}.{owner.snake}_record", record),
        ]:
            test.add_import(*each)
        project.create_test(f"projectors/test_{owner.snake}_projector.py", test)
    return [
        f'alembic revision --autogenerate -m "create {owner.snake} records"',
        "sequent migrate online",
        "sequent migrate offline",
    ]


def generate_workflow(project: Project, aggregate: str) -> list[str]:
    """A workflow that reacts to the events of an aggregate, and its test. What to do next."""
    owner = project.aggregate(aggregate, "events")
    begin = begins_with(project, owner)
    project.create_from("workflow", owner)
    workflow = f"{owner.camel}Workflow"
    _list(project, "workflows", f"{owner.snake}_workflow", workflow, "What follows from events.")
    if begin is not None:
        made = call("event = " + begin.name, _event(begin), "", indent=4, width=project.width)
        body = [
            f"    sequent_workflow.only({workflow})",
            made,
            '    with caplog.at_level("INFO"):',
            "        sequent_workflow.when_event(event)",
            "    sequent_workflow.then_no_commands()",
            "",
            '    assert f"added {event.aggregate_id}" in caplog.messages',
        ]
        arguments = ["sequent_workflow: WorkflowFixture", "caplog: pytest.LogCaptureFixture"]
        test = _test(project, owner, "workflow", arguments, "A new one is logged, once it is stored.", body)
        module = f"{project.package}.workflows.{owner.snake}_workflow"
        fixtures = [("pytest", ""), ("sequent_sa.testing", "WorkflowFixture")]
        for each in [*begin.imports, *fixtures, (module, workflow)]:
            test.add_import(*each)
        project.create_test(f"workflows/test_{owner.snake}_workflow.py", test)
    return [f"let {workflow}.added do what is to follow, with self.execute_commands(...) for example"]


def _event(begin: Example) -> list[str]:
    return ["aggregate_id=uuid4()", "sequence_number=1", *begin.arguments]


def _test(project: Project, owner: Name, kind: str, arguments: list[str], says: str, body: list[str]) -> PythonFile:
    test = project.fresh(f'"""What happens when there is a new {owner.camel}."""\n', f"tests.test_{owner.snake}_{kind}")
    head = call(f"def test_{owner.snake}_{kind}", arguments, " -> None:", indent=0, width=project.width)
    test.append(f'{head}\n    """{says}"""\n' + "\n".join(body) + "\n")
    test.add_import("uuid", "uuid4")
    return test


def _list(project: Project, folder: str, module: str, name: str, says: str) -> None:
    """Hand on a class in the `__init__.py` of a package, which is made if there is none."""
    package = f"{project.package}.{folder}"
    path = project.packages_file(package)
    if not path.exists():
        project.create(path, f'"""{says}"""\n\nfrom {package}.{module} import {name}\n\n__all__ = ["{name}"]\n')
        return
    file = project.open(path, f"{package}.__init__")
    file.add_import(f"{package}.{module}", name)
    file.export(name)
