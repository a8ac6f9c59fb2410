"""`sequent doctor`, from an empty directory to an application that runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.command_line import CommandLine
from tests.databases import Databases


def statuses(line: CommandLine, expected: int) -> dict[str, str]:
    """The last status of each check; the exit status must be the expected one."""
    done = line.run("sequent doctor --json")
    assert (expected, "") == (done.returncode, done.stderr)
    return {finding["check"]: finding["status"] for finding in map(json.loads, done.stdout.splitlines())}


def test_an_application_recovers(databases: Databases, tmp_path: Path) -> None:
    """Whoever does what it says, one after the other, has an application that is well."""
    CommandLine(tmp_path).succeeds("sequent new blog")
    line = CommandLine(tmp_path / "blog", DATABASE_URL=databases.create().url)

    said = line.run("sequent doctor")
    assert 1 == said.returncode
    assert "sequent db create" in said.stdout.splitlines()[-1]
    line.succeeds("sequent db create")
    assert {"view tables": "error", "projectors": "error"}.items() <= statuses(line, 1).items()
    assert "to mend it: sequent migrate online, then sequent migrate offline" in line.run("sequent doctor").stdout
    line.succeeds("sequent migrate online")
    assert "warning" == statuses(line, 1)["replay"]
    line.succeeds("sequent migrate offline")
    found = statuses(line, 0)
    found.pop("settings")  # the server of the tests is fast rather than safe
    assert {"ok"} == set(found.values())


def test_what_keeps_an_application_from_being_looked_at(tmp_path: Path) -> None:
    """No application, one that is not there, or one that is broken: said in one finding, and no traceback."""
    nowhere = CommandLine(tmp_path)
    assert {"configuration": "error"} == statuses(nowhere, 1)
    assert {"configuration": "ok", "application": "error"} == statuses(
        nowhere.with_environment(SEQUENT_APP="shop.app:app"), 1
    )
    (tmp_path / "shop.py").write_text("1 / 0\n")
    done = nowhere.with_environment(SEQUENT_APP="shop:app").run("sequent doctor")
    assert "error    application: it cannot be imported: ZeroDivisionError: division by zero" in done.stdout
    assert "python -c 'import shop' shows where" in done.stdout
    assert "" == done.stderr
