"""`sequent doctor`: what is not as it should be, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from sequent_sa.cli.app import ApplicationFinder
from sequent_sa.cli.reporting import Report, json_option
from sequent_sa.diagnosis import Finding, Status, diagnose
from sequent_sa.exceptions import SequentError

_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.ERROR: "bold red"}


@click.command()
@json_option
@click.pass_obj
def doctor(finder: ApplicationFinder, as_json: bool) -> None:
    """Look at the configuration, the database and what waits to be done, and say how to mend what is wrong.

    Nothing is changed. The exit status is 1 when there is an error: something fails, or will. What only waits to be
    done is a warning.

    Example: sequent doctor
    """
    report, number = Report(as_json), 0
    for finding in _findings(finder):
        _show(report, finding)
        number += finding.status is Status.ERROR
    if number:
        click.get_current_context().exit(1)


def _show(report: Report, finding: Finding) -> None:
    status = finding.status
    data = {"check": finding.check, "status": status.value, "text": finding.text, "fix": finding.fix}
    report.say(data, (f"{status.value:<9}", _STYLES[status]), f"{finding.check}: {finding.text}")
    if finding.fix is not None:
        report.note(f"{'':9}  to mend it: {finding.fix}")


def _findings(finder: ApplicationFinder) -> Iterator[Finding]:
    try:
        configuration = finder.configuration
        text = f"environment {configuration.environment}, application {finder.import_name}, in {configuration.root}"
        alembic_ini = finder.alembic_ini
    except SequentError as error:
        yield Finding("configuration", Status.ERROR, str(error), None)
        return
    yield Finding("configuration", Status.OK, text)
    try:
        app = finder.application
        _ = app.parts
    except SequentError as error:
        yield Finding("application", Status.ERROR, str(error), None)
    except Exception as error:
        fix = f"python -c 'import {finder.import_name.partition(':')[0]}' shows where"
        yield Finding("application", Status.ERROR, f"it cannot be imported: {type(error).__name__}: {error}", fix)
    else:
        yield from diagnose(app, alembic_ini)
