"""Commands in processes of their own, as a user types them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

_MODULES = {"sequent": ["-m", "sequent_sa.cli"], "alembic": ["-m", "alembic"], "python": list[str]()}
_NOT_INHERITED = ("DATABASE_URL", "SEQUENT_APP", "SEQUENT_ENV")


def hear_ctrl_c() -> None:
    """For a new process: whoever runs the tests in the background may have told all their processes not to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class CommandLine:
    """A directory and environment variables; commands run there with this interpreter."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self._environment = environment

    def inside(self, name: str) -> CommandLine:
        """The same in a directory below."""
        return CommandLine(self.directory / name, **self._environment)

    def with_environment(self, **environment: str) -> CommandLine:
        """The same with more environment variables."""
        return CommandLine(self.directory, **{**self._environment, **environment})

    def run(self, command: str, stdin: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        program, *arguments = shlex.split(command)
        return self._run([*_MODULES[program], *arguments], stdin, timeout)

    def succeeds(self, command: str, stdin: str = "", timeout: float = 120) -> str:
        """Run a command that must succeed; what it printed."""
        done = self.run(command, stdin, timeout)
        assert 0 == done.returncode, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, command: str, stdin: str = "") -> str:
        """Run a command that must fail with status 1; the one clear line about it, the last one on stderr."""
        done = self.run(command, stdin)
        assert 1 == done.returncode, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        *_, line = done.stderr.splitlines()
        assert line.startswith("Error: "), done.stderr
        return line

    def python(self, program: str) -> str:
        """Run a program that must succeed; what it printed."""
        done = self._run(["-c", program], "", 60)
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command that can be talked to."""
        program, *arguments = shlex.split(command)
        return subprocess.Popen(
            [sys.executable, *_MODULES[program], *arguments],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_ctrl_c,  # noqa: PLW1509 - no other thread is at work here
        )

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its processes."""
        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        return {**inherited, **self._environment}

    def _run(self, arguments: list[str], stdin: str, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
