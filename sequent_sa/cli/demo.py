"""`sequent new NAME --demo`: the whole path of an application, with the commands that a user would type."""

from __future__ import annotations

import difflib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from sequent_sa.cli.scaffolding import ApplicationName

# The demonstration has a database of its own: no setting of the shell may lead it into another one.
_NOT_INHERITED = ("DATABASE_URL", "SEQUENT_APP", "SEQUENT_ENV")
_OLD_VERSION_STOPPED = 3  # the exit status of keep_adding.py

_RECORD = "blog/records/post_record.py"
_PROJECTOR = "blog/projectors/post_projector.py"
_CHANGES = {
    _RECORD: (
        (
            "    content: Mapped[str | None] = mapped_column(default=None)\n",
            "    content: Mapped[str | None] = mapped_column(default=None)\n"
            '    word_count: Mapped[int] = mapped_column(default=0, server_default="0")\n',
        ),
    ),
    _PROJECTOR: (
        ("version=1", "version=2"),
        (
            '        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, '
            '{"content": event.content})\n',
            '        changes = {"content": event.content, "word_count": len(event.content.split())}\n'
            '        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, changes)\n',
        ),
    ),
}


class Demo:
    """Runs in the new application's directory; every step is a command in a process of its own.

    Raises `click.ClickException` when a step fails, or when a post is missing at the end.
    """

    def __init__(self, name: ApplicationName, directory: Path) -> None:
        self._name = name
        self._directory = directory
        self._environment = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}

    def run(self) -> None:
        """Go the whole path."""
        started = time.monotonic()
        click.echo(f"$ cd {shlex.quote(str(self._directory))}")
        self._build()
        self._title("A change: how many words has a post?")
        with self._adding() as adding:
            self._change()
            self._command("sequent migrate status", expected=1)
            self._command("sequent migrate online")
            self._command("sequent migrate offline")
            self._old_version_stops(adding)
        self._title("The new column")
        self._command(f"python -m {self._name.package}.verify")
        self._command("sequent projectors list")
        click.echo(f"\nDone in {time.monotonic() - started:.0f} seconds. The application is in {self._directory}.")

    def _build(self) -> None:
        self._title("A database, and the tables")
        self._command("sequent db create")
        self._command("sequent db create-view-schema")
        self._command("sequent migrate online")
        self._command("sequent migrate offline")
        self._title("One post for each topic of Python's documentation")
        self._command(f"python -m {self._name.package}.import_topics")
        self._command(f"python -m {self._name.package}.show")

    def _change(self) -> None:
        for path, changes in _CHANGES.items():
            file = self._directory / self._name.replace_in(path)
            before = file.read_text("utf-8")
            after = before
            for old, new in changes:
                if after.count(old) != 1:
                    raise click.ClickException(f"{file} is not what this demonstration expects to change")
                after = after.replace(old, new)
            file.write_text(after, encoding="utf-8")
            self._show_diff(str(file.relative_to(self._directory)), before, after)
        self._command('alembic revision --autogenerate -m "add word count"')
        for revision in (self._directory / "alembic" / "versions").glob("*_add_word_count.py"):
            click.echo(revision.read_text("utf-8").partition("\n\n\n")[2].partition("\n\n\n")[0])

    @contextmanager
    def _adding(self) -> Generator[subprocess.Popen[str], None, None]:
        """Somebody keeps adding posts, with the code of before the change."""
        command = f"python -m {self._name.package}.keep_adding"
        click.echo(f"\n$ {command} &")
        with subprocess.Popen(
            self._arguments(command), cwd=self._directory, env=self._environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                first = process.stdout.readline() if process.stdout else ""
                if not first:
                    raise click.ClickException(f"`{command}` added no post")
                click.echo(first.rstrip())
                yield process
            finally:
                process.kill()

    def _old_version_stops(self, adding: subprocess.Popen[str]) -> None:
        click.echo("\nThe process with the old code has stopped, as it should:")
        try:
            said, _ = adding.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            raise click.ClickException("the process with the old code is still adding posts") from None
        click.echo(said.rstrip())
        if adding.returncode != _OLD_VERSION_STOPPED:
            raise click.ClickException(f"the process with the old code ended with {adding.returncode}")

    def _command(self, command: str, expected: int = 0) -> None:
        click.echo(f"\n$ {command}")
        sys.stdout.flush()
        done = subprocess.run(self._arguments(command), cwd=self._directory, env=self._environment, check=False)
        if done.returncode != expected:
            raise click.ClickException(f"`{command}` ended with {done.returncode} instead of {expected}")

    def _arguments(self, command: str) -> list[str]:
        """The same command with this interpreter and this package, whatever PATH says."""
        program, *rest = shlex.split(command)
        module = {"sequent": ["-m", "sequent_sa.cli"], "alembic": ["-m", "alembic"], "python": []}[program]
        return [sys.executable, *module, *rest]

    @staticmethod
    def _title(text: str) -> None:
        click.echo(f"\n=== {text}")

    @staticmethod
    def _show_diff(path: str, before: str, after: str) -> None:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="", n=1)
        click.echo("\n" + "\n".join(lines))
